import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpHandler } from "../http.ts";
import { readBody } from "../read-body.ts";
import {
  block,
  bytesOf,
  content,
  data,
  frame,
  framesOf,
  get,
  headers,
  http2Conversation,
  joined,
  numberFrame,
  post,
  preface,
  randomFrom,
  settings,
  told,
} from "../testing/http2-wire.ts";
import { turn } from "../testing/turns.ts";
import { bodyWithTrailers } from "../whole-body.ts";

const open = joined(preface, settings());
const echo: HttpHandler = async (request) => ({
  status: 200,
  headers: ["content-type", "application/grpc"],
  body: bodyWithTrailers(await readBody(request.body, 1e7), ["grpc-status", "0"]),
});

test("what a connection makes of its bytes does not depend on how they are cut", async () => {
  const bytes = joined(
    open,
    headers(1, post, false),
    data(1, "hello ", false),
    data(1, "world", true),
    frame([6, 0], 0, bytesOf("pingpong")),
    headers(3, [...post, "content-length", "3"], false),
    frame([0, 9], 3, joined(Uint8Array.of(2), bytesOf("abc"), new Uint8Array(2))),
    headers(5, get),
    numberFrame(8, 0, 1000),
    frame([2, 0], 9, new Uint8Array(5)),
    frame([1, 1], 7, block(...get).subarray(0, 20)),
    frame([9, 4], 7, block(...get).subarray(20)),
    headers(9, post, false),
    data(9, "x"),
    headers(9, ["x-sum", "1"]),
    headers(11, [...get, "connection", "close"]),
  );
  const outcome = async (pieces: readonly Uint8Array[]): Promise<string[]> => {
    const requests: string[] = [];
    const { connection, frames } = http2Conversation(async (request) => {
      const body = await readBody(request.body, 1e6);
      requests.push(`${request.method} ${request.headers.join()} ${Buffer.from(body).toString()}`);
      return { status: 200, headers: ["x", "y"], body };
    });
    for (const piece of pieces) connection.receive(piece);
    for (let index = 0; index < 4; index += 1) await turn();
    const seen = frames();
    connection.closed();
    const streams = [1, 3, 5, 7, 9, 11].map((id) => `${told(seen, id).join()} ${content(seen, id).toString()}`);
    return [...requests.toSorted(), ...streams, `${seen.filter((one) => one.type === 6).length} pings`];
  };
  const expected = await outcome([bytes]);
  assert.equal(expected.length, 12);
  for (let at = 1; at < bytes.length; at += 1)
    assert.deepEqual(await outcome([bytes.subarray(0, at), bytes.subarray(at)]), expected, `cut at ${at}`);
  assert.deepEqual(await outcome(Array.from(bytes, (byte) => Uint8Array.of(byte))), expected);
});

test("a connection survives any bytes: it answers, refuses or closes, and leaves nothing in flight", async () => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const corpus = [
    joined(headers(1, post, false), data(1, "hello", true), headers(3, get)),
    joined(settings([1, 0], [4, 100]), headers(1, post, false), data(1, "x"), headers(1, ["a", "b"])),
    joined(
      frame([1, 1], 1, block(...get).subarray(0, 9)),
      frame([9, 4], 1, block(...get).subarray(9)),
      numberFrame(8, 0, 9),
      numberFrame(3, 1, 8),
    ),
    joined(
      frame([6, 0], 0, bytesOf("12345678")),
      frame([0, 9], 1, Uint8Array.of(1, 2, 0)),
      frame([2, 0], 1, new Uint8Array(5)),
      frame([7, 0], 0, new Uint8Array(8)),
    ),
  ];
  const endMs = performance.now() + 2500;
  let rounds = 0;
  while (performance.now() < endMs) {
    rounds += 1;
    const bytes = joined(
      ...Array.from({ length: 1 + Math.floor(random() * 3) }, () => corpus[Math.floor(random() * corpus.length)] as Uint8Array),
    );
    for (let change = 0; change < 1 + random() * 6; change += 1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    const { connection, output, settings: made } = http2Conversation(echo);
    try {
      connection.receive(open);
      for (let at = 0; at < bytes.length;) {
        const next = Math.min(bytes.length, at + 1 + Math.floor(random() * 40));
        connection.receive(bytes.subarray(at, next));
        at = next;
      }
      if (rounds % 8 === 0) await turn();
      framesOf(Buffer.concat(output.writes));
    } catch (thrown) {
      assert.fail(`seed ${seed}, round ${rounds}: ${String(thrown)}`);
    }
    connection.closed();
    await turn();
    assert.equal(made.counters.refusals["HANDLER_FAILED"], undefined, `seed ${seed}, round ${rounds}`);
    assert.equal(made.counters.requestsInFlight, 0, `seed ${seed}, round ${rounds}`);
  }
  assert.ok(rounds > 100, `${rounds} rounds`);
});
