import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientRequest } from "../client-call.ts";
import type { ByteDuplex } from "../http.ts";
import { readBody } from "../read-body.ts";
import type { WireError } from "../reasons.ts";
import { bytesOf, data, frame, headers, joined, numberFrame, randomFrom, settings } from "../testing/http2-wire.ts";
import { dialogue, ok, outcome, unary } from "../testing/http2-dialogue.ts";
import { turn } from "../testing/turns.ts";

test("a client says its preface first, and requests of one tick in one write", async () => {
  const { output, frames, ask, connection } = dialogue();
  await turn();
  assert.ok(output.text().startsWith("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  const before = output.writes.length;
  for (let index = 0; index < 3; index += 1) void ask().catch(() => undefined);
  await turn();
  assert.equal(output.writes.length, before + 1);
  const heads = frames().filter((one) => one.type === 1);
  assert.deepEqual(
    heads.map((one) => one.id),
    [1, 3, 5],
  );
  assert.deepEqual(heads[2]?.fields, [
    ":method: POST",
    ":scheme: http",
    ":path: /a.B/C",
    ":authority: a.example",
    "content-type: application/grpc",
    "te: trailers",
    "content-length: 3",
  ]);
  assert.equal(connection.inFlight, 3);
});

test("a client hands over an answer of one read whole, with its trailers", async () => {
  const { connection, ask } = dialogue();
  const answer = ask();
  await turn();
  connection.receive(joined(headers(1, ok, false), data(1, "told"), headers(1, ["grpc-status", "0"])));
  const { status, body } = await answer;
  assert.equal(status, 200);
  assert.ok(body !== undefined && !(body instanceof Uint8Array) && body.whole !== undefined);
  assert.equal(Buffer.from(body.whole).toString(), "told");
  assert.deepEqual(body.trailers?.(), ["grpc-status", "0"]);
  assert.equal(connection.inFlight, 0);
});

test("a client hands over an answer in pieces as a stream, interim answers left out", async () => {
  const { connection, ask } = dialogue();
  const answer = ask();
  await turn();
  connection.receive(headers(1, [":status", "103", "link", "x"], false));
  connection.receive(headers(1, ok, false));
  const { body } = await answer;
  connection.receive(data(1, "to"));
  const bytes = readBody(body, 100);
  connection.receive(joined(data(1, "ld"), headers(1, ["grpc-status", "5"])));
  assert.equal(Buffer.from(await bytes).toString(), "told");
  assert.deepEqual((body as { trailers?: () => unknown }).trailers?.(), ["grpc-status", "5"]);
});

// What the origin does after the request, and what the call comes to.
const ends: readonly (readonly [name: string, bytes: Uint8Array, expected: string])[] = [
  ["refuses the stream", numberFrame(3, 1, 7), "UPSTREAM_STREAM_REFUSED sent=false answered=false"],
  ["resets the stream", numberFrame(3, 1, 2), "UPSTREAM_STREAM_RESET sent=true answered=false"],
  ["resets with NO_ERROR before an answer", numberFrame(3, 1, 0), "UPSTREAM_STREAM_RESET sent=true answered=false"],
  ["goes away before it looked at it", frame([7, 0], 0, new Uint8Array(8)), "UPSTREAM_STREAM_REFUSED sent=false answered=false"],
  ["answers whole and then resets with NO_ERROR", joined(headers(1, ok), numberFrame(3, 1, 0)), "answered"],
  ["answers without a status", headers(1, ["a", "b"]), "UPSTREAM_HEAD_INVALID sent=true answered=true"],
  ["answers with a status of two digits", headers(1, [":status", "20"]), "UPSTREAM_HEAD_INVALID sent=true answered=true"],
  ["answers 101", headers(1, [":status", "101"]), "UPSTREAM_HEAD_INVALID sent=true answered=true"],
  ["ends the stream with an interim answer", headers(1, [":status", "100"]), "UPSTREAM_HEAD_INVALID sent=true answered=true"],
  ["answers in HTTP/1.1's framing", headers(1, [...ok, "connection", "close"]), "UPSTREAM_HEAD_INVALID sent=true answered=true"],
  ["answers with a head that is too long", headers(1, [...ok, "a", "x".repeat(16_300)]), "UPSTREAM_HEAD_TOO_LARGE sent=true answered=true"],
  [
    "answers less than it said",
    joined(headers(1, [...ok, "content-length", "5"], false), data(1, "abc", true)),
    "UPSTREAM_PROTOCOL_INVALID sent=true answered=true",
  ],
  ["answers nothing though it said more", headers(1, [...ok, "content-length", "5"]), "UPSTREAM_BODY_TRUNCATED sent=true answered=true"],
  ["sends DATA before the head", data(1, "abc", true), "UPSTREAM_PROTOCOL_INVALID sent=true answered=false"],
  ["promises to push", frame([5, 4], 1, new Uint8Array(4)), "UPSTREAM_PROTOCOL_INVALID sent=true answered=false"],
  ["opens a stream", headers(2, ok), "UPSTREAM_PROTOCOL_INVALID sent=true answered=false"],
  ["answers a stream that nobody opened", headers(9, ok), "UPSTREAM_PROTOCOL_INVALID sent=true answered=false"],
  ["turns push on", settings([2, 1]), "UPSTREAM_PROTOCOL_INVALID sent=true answered=false"],
  ["speaks HTTP/1.1", bytesOf("HTTP/1.1 400 Bad Request\r\n\r\n"), "UPSTREAM_PROTOCOL_INVALID sent=true answered=false"],
];

for (const [name, bytes, expected] of ends) {
  test(`a call settles when its origin ${name}`, async () => {
    const { connection, ask } = dialogue();
    const answer = ask();
    await turn();
    for (let at = 0; at < bytes.length; at += 1000) connection.receive(bytes.subarray(at, at + 1000));
    assert.equal(await outcome(answer), expected);
    assert.equal(connection.inFlight, 0);
  });
}

test("calls settle when the connection ends, and those with a body under way lose it", async () => {
  const { connection, ask, events } = dialogue();
  const [first, second] = [ask(), ask()];
  await turn();
  connection.receive(joined(headers(1, ok, false), data(1, "to")));
  const { body } = await first;
  connection.closed(new Error("ECONNRESET"));
  assert.equal(await outcome(second), "CONNECTION_RESET sent=true answered=false");
  assert.equal(await outcome(readBody(body, 100)), "UPSTREAM_BODY_TRUNCATED sent=true answered=true");
  assert.deepEqual(events.at(-1), "gone CONNECTION_RESET");
});

test("an origin that goes away lets finish what it has begun, and is asked no more", async () => {
  const { connection, output, ask, events } = dialogue();
  const [first, second] = [ask(), ask()];
  await turn();
  connection.receive(frame([7, 0], 0, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0)));
  assert.equal(await outcome(second), "UPSTREAM_STREAM_REFUSED sent=false answered=false");
  assert.equal(connection.room, 0);
  assert.ok(events.includes("retired"));
  connection.receive(headers(1, ok));
  assert.equal(await outcome(first), "answered");
  assert.ok(output.ended);
});

test("a call that is given up is reset, and its room can be used again", async () => {
  const { connection, ask, frames } = dialogue();
  const controller = new AbortController();
  const answer = ask(unary, { signal: controller.signal });
  await turn();
  controller.abort();
  assert.equal(await outcome(answer), "REQUEST_CANCELLED sent=true answered=false");
  await turn();
  assert.equal(frames().findLast((one) => one.type === 3)?.number, 8);
  connection.receive(joined(headers(1, ok, false), data(1, "late", true)));
  assert.equal(connection.inFlight, 0);
  const next = ask();
  await turn();
  connection.receive(headers(3, ok));
  assert.equal((await next).status, 200);
});

test("a call ends in time: its head, its body, and all of it", async () => {
  const { connection, ask, clock } = dialogue();
  const head = ask(unary, { headerTimeoutMs: 1000 });
  const total = ask(unary, { timeoutMs: 2000 });
  const body = ask();
  await turn();
  connection.receive(headers(5, ok, false));
  const bytes = readBody((await body).body, 100);
  clock.advance(1100);
  assert.equal(await outcome(head), "UPSTREAM_HEAD_TIMEOUT sent=true answered=false");
  clock.advance(1000);
  assert.equal(await outcome(total), "TOTAL_TIMEOUT sent=true answered=false");
  clock.advance(60_000);
  assert.equal(await outcome(bytes), "UPSTREAM_BODY_TIMEOUT sent=true answered=true");
});

test("an origin that says nothing is asked with PING and given up", async () => {
  const { ask, clock, frames, output } = dialogue({ pingMs: 5000, pingTimeoutMs: 1000 });
  const answer = ask();
  await turn();
  clock.advance(5100);
  await turn();
  assert.equal(frames().filter((one) => one.type === 6).length, 1);
  assert.ok(!output.destroyed);
  clock.advance(1100);
  assert.equal(await outcome(answer), "PING_TIMEOUT sent=true answered=false");
  assert.ok(output.destroyed);
});

test("a connection that is old takes no more calls and closes after its last", async () => {
  const { connection, ask, clock, output, frames } = dialogue({ ageMs: 1000 });
  const answer = ask();
  await turn();
  clock.advance(1100);
  assert.equal(connection.room, 0);
  connection.receive(headers(1, ok));
  assert.equal(await outcome(answer), "answered");
  assert.ok(output.ended);
  assert.equal(frames().findLast((one) => one.type === 7)?.number, 0);
});

test("a connection takes calls once the origin's SETTINGS have come, as many as they allow", async () => {
  const { connection, clock, events } = dialogue({ ready: false });
  assert.equal(connection.room, 0);
  connection.receive(settings([3, 7]));
  assert.equal(connection.room, 7);
  assert.ok(!connection.connecting);
  assert.deepEqual(events, ["roomy"]);
  const silent = dialogue({ ready: false });
  silent.clock.advance(2100);
  assert.deepEqual(silent.events, ["gone CONNECT_TIMEOUT"]);
  clock.advance(0);
});

test("a request's body goes out as the windows allow, and its rest is not wanted after an early answer", async () => {
  let left = false;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(10_000);
    } finally {
      left = true;
    }
  }
  const { connection, ask, frames } = dialogue();
  const answer = ask({ ...unary, body: chunks() });
  for (let index = 0; index < 20; index += 1) await turn();
  const sent = (): number =>
    frames()
      .filter((one) => one.type === 0)
      .reduce((sum, one) => sum + one.content.length, 0);
  assert.equal(sent(), 65_535);
  connection.receive(joined(numberFrame(8, 0, 10_000), numberFrame(8, 1, 5000)));
  await turn();
  assert.equal(sent(), 70_535);
  connection.receive(headers(1, ok));
  assert.equal((await answer).status, 200);
  await turn();
  assert.ok(left);
  assert.equal(frames().findLast((one) => one.type === 3)?.number, 8);
});

test("a request that expects 100 Continue holds its body back until then, or until it has waited", async () => {
  const { connection, ask, clock, frames } = dialogue();
  const request = { ...unary, headers: ["expect", "100-continue"] };
  void ask(request).catch(() => undefined);
  void ask(request).catch(() => undefined);
  await turn();
  const ended = (): number[] =>
    frames()
      .filter((one) => one.type === 0 && one.flags === 1)
      .map((one) => one.id);
  assert.deepEqual(ended(), []);
  connection.receive(headers(1, [":status", "100"], false));
  await turn();
  assert.deepEqual(ended(), [1]);
  clock.advance(1100);
  await turn();
  assert.deepEqual(ended(), [1, 3]);
});

test("extended CONNECT gives a duplex, and is not tried where the origin does not allow it", async () => {
  const { connection, ask, frames } = dialogue();
  const request: ClientRequest = { method: "GET", target: "/chat", headers: [], upgrade: "websocket" };
  assert.equal(await outcome(ask(request)), "REQUEST_INVALID sent=false answered=false");
  connection.receive(settings([8, 1]));
  const answer = ask(request);
  await turn();
  assert.deepEqual(
    frames()
      .findLast((one) => one.type === 1)
      ?.fields.slice(0, 5),
    [":method: CONNECT", ":scheme: http", ":path: /chat", ":authority: a.example", ":protocol: websocket"],
  );
  connection.receive(joined(headers(1, [":status", "200"], false), data(1, "hello")));
  const duplex = (await answer).duplex as ByteDuplex;
  await duplex.write(bytesOf("hi"));
  const { value } = await duplex[Symbol.asyncIterator]().next();
  assert.equal(Buffer.from(value as Uint8Array).toString(), "hello");
  duplex.end();
  await turn();
  assert.equal(frames().findLast((one) => one.type === 0)?.flags, 1);
});

test("a request that cannot be sent is rejected and costs no stream", async () => {
  const { ask, frames } = dialogue();
  for (const request of [
    { ...unary, method: "G T" },
    { ...unary, target: "x" },
    { ...unary, headers: ["A", "b"] },
    { ...unary, authority: "a b" },
  ]) {
    assert.equal(await outcome(ask(request)), "REQUEST_INVALID sent=false answered=false");
  }
  void ask().catch(() => undefined);
  await turn();
  assert.equal(frames().findLast((one) => one.type === 1)?.id, 1);
});

test("every call settles, whatever bytes the origin sends", async () => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const corpus = [
    joined(headers(1, ok, false), data(1, "told"), headers(1, ["grpc-status", "0"])),
    joined(
      headers(3, [":status", "103"], false),
      headers(3, [...ok, "content-length", "2"], false),
      data(3, "ab", true),
      settings([4, 9], [3, 1]),
    ),
    joined(frame([7, 0], 0, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0)), numberFrame(3, 3, 7), frame([6, 0], 0, new Uint8Array(8))),
    joined(numberFrame(8, 0, 70_000), numberFrame(8, 1, 5), data(1, "x", true), numberFrame(3, 1, 0)),
  ];
  const endMs = performance.now() + 1500;
  let rounds = 0;
  while (performance.now() < endMs) {
    rounds += 1;
    const parts = Array.from({ length: 1 + Math.floor(random() * 3) }, () => corpus[Math.floor(random() * corpus.length)] as Uint8Array);
    const bytes = joined(...parts);
    for (let change = 0; change < random() * 6; change += 1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    const { connection, ask } = dialogue();
    const calls = [ask(), ask({ ...unary, body: Buffer.alloc(80_000) })].map(async (answer) => {
      const { body } = await answer;
      return readBody(body, 1e6);
    });
    const settled = Promise.allSettled(calls);
    await turn();
    for (let at = 0; at < bytes.length;) {
      const next = Math.min(bytes.length, at + 1 + Math.floor(random() * 30));
      connection.receive(bytes.subarray(at, next));
      at = next;
    }
    connection.closed();
    const results = await Promise.race([settled, turn().then(turn).then(turn)]);
    assert.equal(results?.length, 2, `seed ${seed}, round ${rounds}: a call is pending`);
    for (const result of results ?? []) {
      if (result.status === "rejected") assert.equal((result.reason as WireError).brand, "weir.fault", `seed ${seed}, round ${rounds}`);
    }
    assert.equal(connection.inFlight, 0, `seed ${seed}, round ${rounds}`);
  }
  assert.ok(rounds > 50, `${rounds} rounds`);
});
