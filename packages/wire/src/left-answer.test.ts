import assert from "node:assert/strict";
import { test } from "node:test";
import type { ByteDuplex, HttpHandler, HttpResponse } from "./http.ts";
import { bytesOf, conversation } from "./testing/conversation.ts";
import { headers, http2Conversation, joined, numberFrame, preface, settings } from "./testing/http2-wire.ts";
import { turn } from "./testing/turns.ts";

/** Whoever takes a connection over has to hear that it is gone: it holds something for it. */
async function assertGone(taken: readonly ByteDuplex[]): Promise<void> {
  assert.equal(taken.length, 1);
  const [duplex] = taken as [ByteDuplex];
  duplex.end();
  duplex.destroy();
  await assert.rejects(duplex.write(bytesOf("hi")), { reason: "CLIENT_GONE" });
  await assert.rejects(duplex[Symbol.asyncIterator]().next(), { reason: "CLIENT_GONE" });
}

test("an upgrade that waits for the answers before it is told that its connection has gone", async () => {
  const taken: ByteDuplex[] = [];
  const handler: HttpHandler = ({ upgrade }) =>
    upgrade === undefined
      ? new Promise(() => undefined)
      : Promise.resolve({ status: 101, headers: [], takeOver: (duplex) => void taken.push(duplex) });
  const { connection } = conversation(handler);
  const get = "GET / HTTP/1.1\r\nHost: a\r\n";
  connection.receive(bytesOf(`${get}\r\n${get}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`));
  await turn();
  assert.equal(taken.length, 0);
  connection.closed();
  await assertGone(taken);
});

test("an upgrade that is granted to a client that has gone meanwhile is told so, by either protocol", async () => {
  for (const version of ["1.1", "2"] as const) {
    const taken: ByteDuplex[] = [];
    const granted = Promise.withResolvers<void>();
    const handler: HttpHandler = async () => {
      await granted.promise;
      return { status: version === "2" ? 200 : 101, headers: [], takeOver: (duplex) => void taken.push(duplex) };
    };
    if (version === "1.1") {
      const { connection } = conversation(handler);
      connection.receive(bytesOf("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"));
      connection.closed();
    } else {
      const { connection } = http2Conversation(handler);
      const connect = [":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/", ":authority", "a"];
      connection.receive(joined(preface, settings(), headers(1, connect, false), numberFrame(3, 1, 8)));
    }
    await turn();
    granted.resolve();
    await turn();
    await assertGone(taken);
  }
});

test("an upgrade granted before the request's body is whole is refused: the rest would be taken for the new protocol", async () => {
  const upgrade = "Connection: upgrade\r\nUpgrade: x\r\n";
  for (const [framing, rest] of [
    ["Content-Length: 100000\r\n\r\nab", "cd"],
    ["Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "2\r\ncd\r\n"],
  ] as const) {
    const taken: ByteDuplex[] = [];
    const granted = (): Promise<HttpResponse> =>
      Promise.resolve({ status: 101, headers: [], takeOver: (duplex) => void taken.push(duplex) });
    const { connection, output } = conversation(granted);
    connection.receive(bytesOf(`POST / HTTP/1.1\r\nHost: a\r\n${upgrade}${framing}`));
    await turn();
    connection.receive(bytesOf(rest));
    await turn();
    assert.match(output.text(), /^HTTP\/1.1 500 /);
    await assertGone(taken);
  }
});
