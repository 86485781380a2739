import type { Socket } from "node:net";
import { connect } from "node:net";

/** Opens WebSocket sessions on raw sockets, says "open" to its parent, and holds them. Arguments: port, count. */

const [port = "0", count = "0"] = process.argv.slice(2);
const handshake = `GET /echo HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
const sockets: Socket[] = [];
let open = 0;

function hold(): void {
  if (sockets.length >= Number(count)) return;
  const socket = connect({ port: Number(port), host: "127.0.0.1" }, () => socket.write(handshake));
  socket.on("error", () => undefined);
  socket.once("data", () => {
    open++;
    if (open === Number(count)) process.send?.("open");
    hold();
  });
  sockets.push(socket);
}

for (let lane = 0; lane < 50; lane++) hold();
process.once("disconnect", () => process.exit());
