import { createServer, createWebSocketServer, type WebSocketListener } from "@weir/wire";
import { givenPort } from "./greeting.ts";
import { collectWhenAsked } from "./collect.ts";

// Our echo by one listener that all sessions share, everything at its defaults.
const sockets = createWebSocketServer();
const echo: WebSocketListener = { message: (session, data) => void session.trySend(data) };
const server = createServer(async (request) => {
  if (request.upgrade === "websocket") return sockets.accept(request, (session) => session.listen(echo));
  return { status: 200, headers: ["content-type", "text/plain"], body: Buffer.from("echo") };
});
await server.listen({ port: givenPort() });
collectWhenAsked();
