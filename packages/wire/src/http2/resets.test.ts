import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyStream, HttpHandler } from "../http.ts";
import { dialogue, ok } from "../testing/http2-dialogue.ts";
import { data, frame, headers, http2Conversation, joined, post, preface, settings } from "../testing/http2-wire.ts";
import { failure } from "../testing/pair.ts";
import { turn } from "../testing/turns.ts";

// As many streams as either side has open at once by default; what was on its way to each of them is nobody's fault (RFC 9113 §5.1).
const id = (index: number): number => index * 2 + 1;

test("a client that gives up 255 calls at once keeps its connection, whatever is still on its way", async () => {
  const { connection, ask, frames } = dialogue();
  const controller = new AbortController();
  const request = { method: "GET", target: "/", headers: [] };
  const given = Array.from({ length: 255 }, () => failure(ask(request, { signal: controller.signal })));
  const kept = ask(request);
  await turn();
  controller.abort();
  await turn();
  for (let index = 0; index < 255; index += 1) {
    connection.receive(joined(headers(id(index), ok, false), data(id(index), "a"), data(id(index), "b"), headers(id(index), ["x", "y"])));
  }
  connection.receive(headers(id(255), ok));
  assert.equal((await kept).status, 200);
  assert.ok((await Promise.all(given)).every(({ reason }) => reason === "REQUEST_CANCELLED"));
  assert.ok(!frames().some(({ type }) => type === 7));
});

test("a server that breaks off 128 answers at once keeps the connection, whatever is still on its way", async () => {
  const body: BodyStream = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("broken")) }) };
  const handler: HttpHandler = async () => ({ status: 200, headers: [], body });
  const { connection, frames } = http2Conversation(handler);
  connection.receive(joined(preface, settings(), frame([4, 1], 0)));
  for (let index = 0; index < 128; index += 1) connection.receive(headers(id(index), post, false));
  await turn();
  assert.equal(frames().filter(({ type }) => type === 3).length, 128);
  for (let index = 0; index < 128; index += 1) connection.receive(joined(data(id(index), "a"), data(id(index), "b", true)));
  await turn();
  assert.equal(frames().filter(({ type }) => type === 3).length, 128);
  assert.ok(!frames().some(({ type }) => type === 7));
});
