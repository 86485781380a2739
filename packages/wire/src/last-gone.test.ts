import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "./client.ts";
import { createServer } from "./server.ts";
import { createOrigin } from "./testing/origin.ts";
import { turn, until } from "./testing/turns.ts";
import { createWebSocketServer } from "./websocket/server.ts";
import { connectWebSocket } from "./websocket/client.ts";

test("whoever drains hears of the end too when somebody else loses patience and closes", { timeout: 10_000 }, async (t) => {
  const sockets = createWebSocketServer();
  const server = createServer((request) =>
    request.upgrade === undefined ? new Promise(() => undefined) : Promise.resolve(sockets.accept(request, () => undefined)),
  );
  const { port } = await server.listen({ port: 0 });
  t.after(() => server.close());
  for (const http2 of [undefined, {}]) {
    const client = createClient({ host: "127.0.0.1", port, ...(http2 === undefined ? {} : { http2 }) });
    const inFlight = server.counters.requestsInFlight;
    const asked = assert.rejects(client.request({ method: "GET", target: "/", headers: [] }), { reason: "CLIENT_CLOSED" });
    await until(() => server.counters.requestsInFlight > inFlight);
    const drained = client.drain(60_000);
    await client.close();
    await Promise.all([drained, asked]);
  }
  const session = await connectWebSocket(`ws://127.0.0.1:${port}/`);
  const socketsDrained = sockets.drain(60_000);
  await sockets.drain(0);
  await Promise.all([socketsDrained, session.whenClosed]);
  const client = createClient({ host: "127.0.0.1", port });
  const asked = assert.rejects(client.request({ method: "GET", target: "/", headers: [] }));
  await until(() => server.counters.requestsInFlight > 0);
  const drained = server.drain(60_000);
  await server.close();
  await Promise.all([drained, asked]);
  await client.close();
});

test("a call that is given up before it starts is not sent, and holds no connection", async (t) => {
  const origin = await createOrigin(() => undefined);
  t.after(() => origin.close());
  for (const http2 of [undefined, {}]) {
    const client = createClient({ host: "127.0.0.1", port: origin.port, ...(http2 === undefined ? {} : { http2 }) });
    const options = { onCancel: (listener: () => void) => listener() };
    await assert.rejects(client.request({ method: "GET", target: "/", headers: [] }, options), { reason: "REQUEST_CANCELLED" });
    await turn();
    assert.deepEqual(client.state, { open: 0, idle: 0, inFlight: 0, waiting: 0 });
    await client.close();
  }
});
