import process from "node:process";
import { connect, type TLSSocket } from "node:tls";

/** Opens connections over TLS, asks once on each, says "open" to its parent, and holds them. Arguments: port, count. */

const [port = "0", count = "0"] = process.argv.slice(2);
const sockets: TLSSocket[] = [];
let open = 0;

function hold(): void {
  if (sockets.length >= Number(count)) return;
  // Whom it is connected to is of no matter: it is this bench's own server.
  const socket = connect({ port: Number(port), host: "127.0.0.1", rejectUnauthorized: false }, () => {
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  });
  socket.on("error", () => undefined);
  socket.once("data", () => {
    open++;
    if (open === Number(count)) process.send?.("open");
    hold();
  });
  sockets.push(socket);
}

for (let lane = 0; lane < 20; lane++) hold();
process.once("disconnect", () => process.exit());
