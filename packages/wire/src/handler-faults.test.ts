// What handlers do against their types, and what must not go further than their own exchange: no throw may reach the process.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyStream, HttpHandler, HttpResponse } from "./http.ts";
import { bytesOf, conversation } from "./testing/conversation.ts";
import { get, headers, http2Conversation, joined, numberFrame, preface, settings, type SeenFrame } from "./testing/http2-wire.ts";
import { turn } from "./testing/turns.ts";
import { memoryPeer } from "./websocket/fixtures/memory-peer.ts";

const boom = (): never => {
  throw new Error("boom");
};
async function* letters(): AsyncGenerator<Uint8Array> {
  yield bytesOf("ab");
}
const stream = (parts: Partial<BodyStream>): BodyStream => ({ [Symbol.asyncIterator]: letters, ...parts });
const sent =
  (parts: object): (() => Promise<HttpResponse>) =>
  () =>
    Promise.resolve({ status: 200, headers: [], ...parts });
const returning = (): AsyncIterator<Uint8Array> => ({ next: () => Promise.resolve({ done: true, value: undefined }), return: boom });

/** What a handler does, and what a client of HTTP/1.1 sees of it. */
const faults: Record<string, readonly [handler: () => unknown, seen: RegExp]> = {
  "answers nothing": [() => Promise.resolve(undefined), /^HTTP\/1.1 500 /],
  "answers null": [() => Promise.resolve(null), /^HTTP\/1.1 500 /],
  "answers at once, without a promise": [() => ({ status: 200, headers: [] }), /^HTTP\/1.1 200 /],
  "answers 204 with a body that cannot be read": [sent({ status: 204, body: stream({ [Symbol.asyncIterator]: boom }) }), /^HTTP\/1.1 204 /],
  "answers 204 with a body that cannot be left": [
    sent({ status: 204, body: stream({ [Symbol.asyncIterator]: returning }) }),
    /^HTTP\/1.1 204 /,
  ],
  "answers with trailers that throw": [sent({ body: stream({ trailers: boom }) }), /^HTTP\/1.1 200 /],
  "answers a whole body with trailers that throw": [sent({ body: stream({ whole: bytesOf("ab"), trailers: boom }) }), /^HTTP\/1.1 200 /],
};

/** Runs a conversation; with `gone`, the client leaves before the handler answers. Tells what was written. */
async function overHttp1(handler: () => unknown, gone: boolean): Promise<string> {
  const gate = Promise.withResolvers<void>();
  const { connection, output } = conversation((() => (gone ? gate.promise.then(handler) : handler())) as HttpHandler);
  connection.receive(bytesOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  if (gone) connection.closed();
  gate.resolve();
  for (let count = 0; count < 3; count += 1) await turn();
  return output.text();
}

async function overHttp2(handler: () => unknown, gone: boolean): Promise<SeenFrame[]> {
  const gate = Promise.withResolvers<void>();
  const { connection, frames } = http2Conversation((() => (gone ? gate.promise.then(handler) : handler())) as HttpHandler);
  connection.receive(joined(preface, settings(), headers(1, get)));
  if (gone) connection.receive(numberFrame(3, 1, 8));
  gate.resolve();
  for (let count = 0; count < 3; count += 1) await turn();
  return frames().filter(({ id }) => id === 1);
}

for (const [name, [handler, seen]] of Object.entries(faults)) {
  test(`a handler that ${name} harms its own exchange only`, async () => {
    assert.match(await overHttp1(handler, false), seen);
    assert.equal(await overHttp1(handler, true), "");
    const frames = await overHttp2(handler, false);
    assert.ok(
      frames.some(({ type, flags }) => type === 3 || (flags & 1) === 1),
      "the stream is answered or reset",
    );
    assert.deepEqual(await overHttp2(handler, true), []);
  });
}

test("a takeOver that throws costs its own connection or stream, and is counted", async () => {
  const failures: unknown[] = [];
  const options = { onFailure: (error: { cause?: unknown }) => void failures.push((error.cause as Error).message) };
  const one = conversation(() => Promise.resolve({ status: 101, headers: [], takeOver: boom }), options);
  one.connection.receive(bytesOf("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"));
  await turn();
  assert.equal(one.output.destroyed, true);
  const two = http2Conversation(() => Promise.resolve({ status: 200, headers: [], takeOver: boom }), options);
  const connect = [":method", "CONNECT", ":protocol", "x", ":scheme", "http", ":path", "/", ":authority", "a"];
  two.connection.receive(joined(preface, settings(), headers(1, connect, false), headers(3, get)));
  await turn();
  assert.deepEqual(
    two.frames().flatMap(({ id, type }) => (id > 0 ? [`${id} ${type}`] : [])),
    ["1 1", "3 1", "1 3"],
  );
  assert.deepEqual(failures, ["boom", "boom"]);
});

test("a listener that throws when its client goes keeps nobody else from hearing of it, and is counted", async () => {
  let told = 0;
  const handler: HttpHandler = (_request, exchange) => {
    exchange.onCancel(() => {
      told += 1;
      throw new Error("boom");
    });
    return new Promise(() => undefined);
  };
  const one = conversation(handler);
  one.connection.receive(bytesOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2)));
  one.connection.closed();
  const two = http2Conversation(handler);
  two.connection.receive(joined(preface, settings(), headers(1, get), headers(3, get)));
  two.connection.closed();
  assert.equal(told, 4);
  assert.equal(two.settings.counters.refusals["HANDLER_FAILED"], 2);
  const peer = memoryPeer({ role: "server" });
  peer.connection.listen({ message: () => undefined, closed: boom });
  peer.connection.closed();
  assert.equal((await peer.connection.whenClosed).code, 1006);
});

test("an onFailure that throws keeps nobody from being answered", async () => {
  const options = { onFailure: boom };
  const { connection, output } = conversation(() => Promise.reject(new Error("no")), options);
  connection.receive(bytesOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await turn();
  assert.match(output.text(), /^HTTP\/1.1 500 /);
});
