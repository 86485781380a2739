import { createServer, createWebSocketServer, type WebSocketSession } from "@weir/wire";
import { givenPort } from "./greeting.ts";
import { collectWhenAsked } from "./collect.ts";

// Our echo as most people write it: a loop for each session.
const sockets = createWebSocketServer();
async function echo(session: WebSocketSession): Promise<void> {
  try {
    for await (const data of session.messages) await session.send(data);
  } catch {
    // The load has gone.
  }
}
const server = createServer(async (request) => {
  if (request.upgrade === "websocket") return sockets.accept(request, (session) => void echo(session));
  return { status: 200, headers: ["content-type", "text/plain"], body: Buffer.from("echo") };
});
await server.listen({ port: givenPort() });
collectWhenAsked();
