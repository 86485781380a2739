import net from "node:net";
import process from "node:process";

// A listener beside others on one port (SO_REUSEPORT), which answers each connection and goes when it is told to: it closes its
// listener and answers whom it has accepted. argv: the port.
const server = net.createServer((socket) => {
  socket.on("error", () => undefined);
  socket.once("data", () => socket.end("ok"));
});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", reusePort: true, backlog: 1024 }, () => process.send?.("listening"));
process.on("message", () => server.close(() => process.disconnect?.()));
