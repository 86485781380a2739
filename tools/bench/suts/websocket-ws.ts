import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { givenPort } from "./greeting.ts";
import { collectWhenAsked } from "./collect.ts";

// ws with its defaults, on Node's server. Its text messages come as bytes and are sent back as they are, which is its quickest way.
const server = createServer((_request, response) => void response.writeHead(200, { "content-type": "text/plain" }).end("echo"));
const sockets = new WebSocketServer({ server });
sockets.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on("error", () => undefined);
});
server.listen({ port: givenPort(), host: "127.0.0.1", backlog: 1024 });
collectWhenAsked();
