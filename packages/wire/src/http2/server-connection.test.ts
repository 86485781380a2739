import assert from "node:assert/strict";
import { test } from "node:test";
import type { ByteDuplex, HttpHandler, HttpResponse } from "../http.ts";
import { readBody } from "../read-body.ts";
import {
  block,
  bytesOf,
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
  settings,
  type SeenFrame,
} from "../testing/http2-wire.ts";
import { turn, until } from "../testing/turns.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { bodyWithTrailers } from "../whole-body.ts";

const open = joined(preface, settings());
const echo: HttpHandler = async (request) => ({
  status: 200,
  headers: ["content-type", "application/grpc"],
  body: bodyWithTrailers(await readBody(request.body, 1e7), ["grpc-status", "0"]),
});

/** The frames of one stream, as "TYPE" or "TYPE:END". */
function told(frames: readonly SeenFrame[], id: number): string[] {
  const names = ["DATA", "HEADERS", "PRIORITY", "RESET"];
  return frames
    .filter((one) => one.id === id && one.type < 4)
    .map((one) => `${names[one.type] ?? ""}${(one.flags & 1) === 1 ? ":END" : ""}`);
}

function content(frames: readonly SeenFrame[], id: number): Buffer {
  return Buffer.concat(frames.filter((one) => one.id === id && one.type === 0).map((one) => one.content));
}

/** Numbers in [0, 1) from a seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test("a server sends all answers of one read in one write, each with head, content and trailers", async () => {
  const { connection, output, frames } = http2Conversation(echo);
  connection.receive(open);
  await turn();
  const before = output.writes.length;
  const calls = [1, 3, 5, 7].map((id) => joined(headers(id, post, false), data(id, `call ${id}`, true)));
  connection.receive(joined(...calls));
  await turn();
  assert.equal(output.writes.length, before + 1);
  for (const id of [1, 3, 5, 7]) {
    assert.deepEqual(told(frames(), id), ["HEADERS", "DATA", "HEADERS:END"]);
    assert.equal(content(frames(), id).toString(), `call ${id}`);
  }
  assert.equal(frames().filter((one) => one.fields.includes("grpc-status: 0")).length, 4);
});

test("a server hands over short bodies whole, and others as a stream with their trailers", async () => {
  const seen: string[] = [];
  const handler: HttpHandler = async ({ body }) => {
    const form = body instanceof Uint8Array ? "whole" : body === undefined ? "none" : "stream";
    const bytes = await readBody(body, 1e6);
    seen.push(`${form} ${bytes.length} ${body !== undefined && "trailers" in body ? (body.trailers?.() ?? []).join("=") : ""}`.trim());
    return { status: 200, headers: [] };
  };
  const { connection } = http2Conversation(handler);
  connection.receive(joined(open, headers(1, post), headers(3, post, false), data(3, "abc", true)));
  connection.receive(joined(headers(5, [...post, "content-length", "3"], false), data(5, "a")));
  connection.receive(data(5, "bc", true));
  connection.receive(headers(7, post, false));
  await turn();
  connection.receive(joined(data(7, "abcd"), headers(7, ["x", "y"])));
  await turn();
  assert.deepEqual(seen, ["none 0", "whole 3", "whole 3", "stream 4 x=y"]);
});

test("a server tells a handler the same request as HTTP/1.1 would, with cookies in one piece", async () => {
  let request: Parameters<HttpHandler>[0] | undefined;
  const { connection } = http2Conversation(async (got, exchange) => {
    request = got;
    assert.equal(exchange.version, "2");
    return { status: 204, headers: [] };
  });
  const fields = [
    ":method",
    "GET",
    ":scheme",
    "http",
    ":path",
    "/a?b",
    ":authority",
    "a.example:80",
    "cookie",
    "a=1",
    "te",
    "trailers",
    "x",
    "1",
    "cookie",
    "b=2",
  ];
  connection.receive(joined(open, headers(1, fields)));
  await turn();
  assert.deepEqual(request, {
    method: "GET",
    target: "/a?b",
    authority: "a.example:80",
    headers: ["cookie", "a=1; b=2", "x", "1"],
    body: undefined,
    upgrade: undefined,
  });
});

test("a handler that changes its request's headers does not change those of the next", async () => {
  const lengths: number[] = [];
  const { connection } = http2Conversation(async (request) => {
    lengths.push(request.headers.length);
    request.headers.push("more", "1");
    return { status: 200, headers: [] };
  });
  connection.receive(joined(open, ...[1, 3, 5].map((id) => headers(id, [...get, "a", "b"]))));
  await turn();
  assert.deepEqual(lengths, [2, 2, 2]);
});

test("a server writes the answers to HEAD, 204 and 304 without content, and counts what a GET would have had", async () => {
  const answers: Record<string, HttpResponse> = {
    "/head": { status: 200, headers: [], body: bytesOf("hello") },
    "/204": { status: 204, headers: [], body: bytesOf("no") },
    "/304": { status: 304, headers: [], lengthOfGet: 7 },
  };
  const { connection, frames } = http2Conversation(async (request) => answers[request.target] as HttpResponse);
  const ask = (id: number, method: string, path: string): Uint8Array =>
    headers(id, [":method", method, ":scheme", "http", ":path", path, ":authority", "a"]);
  connection.receive(joined(open, ask(1, "HEAD", "/head"), ask(3, "GET", "/204"), ask(5, "GET", "/304")));
  await turn();
  for (const id of [1, 3, 5]) assert.deepEqual(told(frames(), id), ["HEADERS:END"]);
  const lengths = frames()
    .filter((one) => one.type === 1)
    .map((one) => one.fields.find((line) => line.startsWith("content-length")));
  assert.deepEqual(lengths, ["content-length: 5", undefined, "content-length: 7"]);
});

const wrongAnswers: readonly (readonly [name: string, response: unknown])[] = [
  ["a status below 200", { status: 101, headers: [] }],
  ["a status that is no number", { status: Number.NaN, headers: [] }],
  ["a name in upper case", { status: 200, headers: ["X-A", "b"] }],
  ["a value with a line feed", { status: 200, headers: ["a", "b\nc"] }],
  ["a field of the framing", { status: 200, headers: ["connection", "close"] }],
];

for (const [name, response] of wrongAnswers) {
  test(`a server turns an answer with ${name} into a bare 500`, async () => {
    const reasons: string[] = [];
    const { connection, frames } = http2Conversation(async () => response as HttpResponse, {
      onFailure: (error) => reasons.push(error.reason),
    });
    connection.receive(joined(open, headers(1, get)));
    await turn();
    assert.equal(frames().find((one) => one.type === 1)?.fields[0], ":status: 500");
    assert.match(reasons.join(), /^RESPONSE_(HEADER_)?INVALID$/);
  });
}

test("a server sends no more than the windows allow, and goes on as they grow", async () => {
  const body = Buffer.alloc(100_000, "x");
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [], body }));
  connection.receive(joined(open, headers(1, get), headers(3, get)));
  await turn();
  const sent = (id: number): number => content(frames(), id).length;
  assert.equal(sent(1) + sent(3), 65_535);
  assert.ok(sent(1) >= 16_384 && sent(3) >= 16_384, "both streams got their turn");
  connection.receive(numberFrame(8, 0, 1000));
  await turn();
  assert.equal(sent(1) + sent(3), 66_535);
  connection.receive(joined(numberFrame(8, 0, 1_000_000), settings([4, 200_000])));
  await turn();
  assert.deepEqual([sent(1), sent(3)], [100_000, 100_000]);
});

test("a server waits while a window is negative", async () => {
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [], body: Buffer.alloc(50, "x") }));
  connection.receive(joined(preface, settings([4, 30]), headers(1, get)));
  await turn();
  assert.equal(content(frames(), 1).length, 30);
  connection.receive(settings([4, 10]));
  connection.receive(numberFrame(8, 1, 20));
  await turn();
  assert.equal(content(frames(), 1).length, 30);
  connection.receive(numberFrame(8, 1, 5));
  await turn();
  assert.equal(content(frames(), 1).length, 35);
  connection.receive(settings([4, 100]));
  await turn();
  assert.deepEqual(told(frames(), 1).at(-1), "DATA:END");
});

test("a server never sends beyond a window and always sends all, whatever the windows do", async () => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  for (let round = 0; round < 30; round += 1) {
    const bodies = [1, 3, 5].map(() => Buffer.alloc(Math.floor(random() * 60_000), "x"));
    const { connection, frames } = http2Conversation(async (request) => ({
      status: 200,
      headers: [],
      body: bodies[Number(request.target.slice(1))] as Buffer,
    }));
    let initial = Math.floor(random() * 20_000);
    const windows = new Map([1, 3, 5].map((id) => [id, 0]));
    let whole = 65_535;
    const ask = [1, 3, 5].map((id, index) => headers(id, [":method", "GET", ":scheme", "http", ":path", `/${index}`, ":authority", "a"]));
    connection.receive(joined(preface, settings([4, initial]), ...ask));
    for (let step = 0; step < 400; step += 1) {
      await turn();
      const seen = frames();
      let all = 0;
      for (const [index, id] of [1, 3, 5].entries()) {
        const sent = content(seen, id).length;
        all += sent;
        assert.ok(sent <= Math.max(0, initial + (windows.get(id) as number)) || sent <= (bodies[index] as Buffer).length, `seed ${seed}`);
      }
      assert.ok(all <= whole, `seed ${seed}: ${all} sent, ${whole} allowed`);
      if ([1, 3, 5].every((id) => told(seen, id).at(-1)?.endsWith(":END") === true)) break;
      assert.ok(step < 399, `seed ${seed}: the answers did not end`);
      const grown = 1 + Math.floor(random() * 30_000);
      const id = [0, 1, 3, 5][Math.floor(random() * 4)] as number;
      if (random() < 0.2) {
        initial = Math.floor(random() * 40_000);
        connection.receive(settings([4, initial]));
      } else {
        if (id === 0) whole += grown;
        else windows.set(id, (windows.get(id) as number) + grown);
        connection.receive(numberFrame(8, id, grown));
      }
    }
    for (const [index, id] of [1, 3, 5].entries()) assert.equal(content(frames(), id).length, (bodies[index] as Buffer).length);
    connection.closed();
  }
});

test("a server gives window back only for what the handler has pulled", async () => {
  let pull: (() => Promise<IteratorResult<Uint8Array>>) | undefined;
  const handler: HttpHandler = ({ body }) => {
    const iterator = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    pull = () => iterator.next();
    return new Promise(() => undefined);
  };
  const { connection, frames } = http2Conversation(handler, { http2: { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 } });
  connection.receive(joined(open, headers(1, post, false)));
  for (let index = 0; index < 4; index += 1) connection.receive(data(1, Buffer.alloc(16_000)));
  await turn();
  const grown = (id: number): number =>
    frames()
      .filter((one) => one.type === 8 && one.id === id)
      .reduce((sum, one) => sum + one.number, 0);
  assert.deepEqual([grown(0), grown(1)], [0, 0]);
  for (let index = 0; index < 3; index += 1) await pull?.();
  await turn();
  assert.deepEqual([grown(0), grown(1)], [48_000, 48_000]);
  connection.receive(data(1, Buffer.alloc(1600)));
  connection.receive(joined(...Array.from({ length: 4 }, () => data(1, Buffer.alloc(16_000)))));
  await turn();
  assert.equal(frames().find((one) => one.type === 3)?.number ?? frames().find((one) => one.type === 7)?.number, 3);
});

test("a server tells a handler that its client has reset the stream, and throws its answer away", async () => {
  let cancelled = 0;
  let finish: (() => void) | undefined;
  const {
    connection,
    frames,
    settings: made,
  } = http2Conversation(async (_request, exchange) => {
    exchange.onCancel(() => (cancelled += 1));
    await new Promise<void>((resolve) => (finish = resolve));
    return { status: 200, headers: [] };
  });
  connection.receive(joined(open, headers(1, get)));
  await turn();
  connection.receive(numberFrame(3, 1, 8));
  assert.equal(cancelled, 1);
  finish?.();
  await turn();
  assert.deepEqual(told(frames(), 1), []);
  assert.equal(made.counters.requestsInFlight, 0);
});

test("handlers of streams that were reset still count against streamsMax", async () => {
  let asked = 0;
  const handler: HttpHandler = () => {
    asked += 1;
    return new Promise(() => undefined);
  };
  const { connection, frames } = http2Conversation(handler, { http2: { streamsMax: 4 } });
  connection.receive(open);
  for (let id = 1; id < 100; id += 2) connection.receive(joined(headers(id, get), numberFrame(3, id, 8)));
  await turn();
  assert.equal(asked, 4);
  assert.equal(frames().filter((one) => one.type === 3 && one.number === 7).length, 46);
});

test("a body that its client resets rejects, and the handler's answer goes nowhere", async () => {
  let reason = "";
  const { connection } = http2Conversation(async (request) => {
    await readBody(request.body, 1e6).catch((thrown: { reason: string }) => (reason = thrown.reason));
    return { status: 200, headers: [] };
  });
  connection.receive(joined(open, headers(1, post, false), data(1, "a")));
  await turn();
  connection.receive(numberFrame(3, 1, 8));
  await turn();
  assert.equal(reason, "CLIENT_GONE");
});

test("an answer that comes before the request's end is whole, and the rest is thrown away for a moment only", async () => {
  const clock = new VirtualClock();
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [] }), { clock });
  connection.receive(joined(open, headers(1, post, false), headers(3, post, false)));
  await turn();
  assert.deepEqual(told(frames(), 1), ["HEADERS:END"]);
  connection.receive(joined(data(1, "late"), data(1, "r", true)));
  clock.advance(1100);
  await turn();
  assert.deepEqual(told(frames(), 1), ["HEADERS:END"]);
  assert.deepEqual(told(frames(), 3), ["HEADERS:END", "RESET"]);
  assert.equal(frames().find((one) => one.type === 3)?.number, 0);
});

test("a streamed answer is pulled no faster than its client reads", async () => {
  let pulled = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      pulled += 1;
      yield Buffer.alloc(8000);
    }
  }
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [], body: chunks() }));
  connection.receive(joined(open, headers(1, get)));
  for (let index = 0; index < 30; index += 1) await turn();
  assert.equal(content(frames(), 1).length, 65_535);
  assert.ok(pulled <= 12, `${pulled} chunks were pulled`);
  connection.receive(numberFrame(3, 1, 8));
  await turn();
  assert.ok(pulled <= 12);
});

test("a streamed answer that breaks or lies about its length is reset", async () => {
  async function* breaks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("a");
    throw new Error("broken");
  }
  const short = Object.assign(breaks(), { length: 5 });
  const reasons: string[] = [];
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [], body: short }), {
    onFailure: (error) => reasons.push(error.reason),
  });
  connection.receive(joined(open, headers(1, get)));
  await until(() => frames().some((one) => one.type === 3));
  assert.equal(frames().find((one) => one.type === 3)?.number, 2);
  assert.deepEqual(reasons, ["HANDLER_FAILED"]);
});

test("a request that expects 100 Continue gets it when its body is read", async () => {
  const { connection, frames } = http2Conversation(echo);
  connection.receive(joined(open, headers(1, [...post, "expect", "100-continue"], false)));
  await turn();
  assert.deepEqual(
    frames()
      .filter((one) => one.type === 1)
      .map((one) => one.fields),
    [[":status: 100"]],
  );
  connection.receive(data(1, "abc", true));
  await turn();
  assert.deepEqual(told(frames(), 1), ["HEADERS", "HEADERS", "DATA", "HEADERS:END"]);
});

test("extended CONNECT hands the stream over, with the windows as back-pressure", async () => {
  let duplex: ByteDuplex | undefined;
  const { connection, frames } = http2Conversation(async (request) => {
    assert.equal(request.upgrade, "websocket");
    return { status: 200, headers: [], takeOver: (got) => (duplex = got) };
  });
  const fields = [":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/chat", ":authority", "a.example"];
  connection.receive(joined(preface, settings([4, 20]), headers(1, fields, false), data(1, "early")));
  await until(() => duplex !== undefined);
  const iterator = (duplex as ByteDuplex)[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), "early");
  await duplex?.write(bytesOf("x".repeat(30)));
  await turn();
  assert.equal(content(frames(), 1).length, 20);
  connection.receive(joined(numberFrame(8, 1, 100), data(1, "late", true)));
  assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), "late");
  assert.equal((await iterator.next()).done, true);
  duplex?.end();
  await turn();
  assert.deepEqual(told(frames(), 1), ["HEADERS", "DATA", "DATA:END"]);
  await assert.rejects(duplex?.write(bytesOf("x")) ?? Promise.resolve());
});

test("a server that drains says so twice, answers what is on its way, and closes", async () => {
  let finish: (() => void) | undefined;
  const { connection, output, frames } = http2Conversation(async () => {
    await new Promise<void>((resolve) => (finish = resolve));
    return { status: 200, headers: [] };
  });
  connection.receive(joined(open, headers(1, get)));
  connection.shut();
  await turn();
  const ping = frames().find((one) => one.type === 6);
  const lasts = (): number[] =>
    frames()
      .filter((one) => one.type === 7)
      .map((one) => one.content.readUInt32BE(0));
  assert.deepEqual(lasts(), [0x7fff_ffff]);
  connection.receive(headers(3, get));
  connection.receive(frame(6, 1, 0, ping?.content ?? new Uint8Array(8)));
  connection.receive(headers(5, get));
  await turn();
  assert.deepEqual(lasts(), [0x7fff_ffff, 3]);
  assert.deepEqual(told(frames(), 5), ["RESET"]);
  assert.equal(output.ended, false);
  const first = finish;
  first?.();
  connection.receive(numberFrame(3, 1, 8));
  connection.receive(numberFrame(3, 3, 8));
  await turn();
  assert.equal(output.ended, true);
});

test("a server closes a connection that stands idle, one without SETTINGS confirmed, and one that sends half a head", async () => {
  for (const [bytes, advanceMs, code] of [
    [joined(open, frame(4, 1, 0)), 67_000, 0],
    [open, 11_000, 4],
    [joined(open, frame(4, 1, 0), frame(1, 1, 1, block(...get))), 11_000, 1],
  ] as const) {
    const clock = new VirtualClock();
    const { connection, output, frames } = http2Conversation(echo, { clock });
    connection.receive(bytes);
    await turn();
    clock.advance(advanceMs);
    await turn();
    assert.equal(frames().findLast((one) => one.type === 7)?.number, code);
    assert.ok(output.ended);
    clock.advance(1100);
    assert.ok(output.destroyed);
    assert.ok(connection !== undefined);
  }
});

test("a request whose body does not come is answered 408, and one whose client shuts its window is reset", async () => {
  const clock = new VirtualClock();
  const {
    connection,
    frames,
    settings: made,
  } = http2Conversation(async ({ target }) => ({ status: 200, headers: [], body: Buffer.alloc(target === "/" ? 100 : 1) }), { clock });
  connection.receive(
    joined(preface, settings([4, 0]), frame(4, 1, 0), headers(1, get), headers(3, [...post, "content-length", "5"], false)),
  );
  await turn();
  clock.advance(15_100);
  await turn();
  assert.equal(frames().find((one) => one.id === 3)?.fields[0], ":status: 408");
  clock.advance(16_000);
  await turn();
  assert.equal(frames().find((one) => one.id === 1 && one.type === 3)?.number, 8);
  assert.equal(made.counters.refusals["WINDOW_STALLED"], 1);
});

test("a client that takes one byte at a time is given up like one that takes none", async () => {
  const clock = new VirtualClock();
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [], body: Buffer.alloc(10_000) }), { clock });
  connection.receive(joined(preface, settings([4, 0]), frame(4, 1, 0), headers(1, get)));
  for (let second = 0; second < 40; second += 1) {
    connection.receive(numberFrame(8, 1, 1));
    await turn();
    clock.advance(1000);
  }
  await turn();
  assert.equal(frames().find((one) => one.type === 3)?.number, 8);
  assert.ok(content(frames(), 1).length <= 35);
});

test("what a connection makes of its bytes does not depend on how they are cut", async () => {
  const bytes = joined(
    open,
    headers(1, post, false),
    data(1, "hello ", false),
    data(1, "world", true),
    frame(6, 0, 0, bytesOf("pingpong")),
    headers(3, [...post, "content-length", "3"], false),
    frame(0, 9, 3, joined(Uint8Array.of(2), bytesOf("abc"), new Uint8Array(2))),
    headers(5, get),
    numberFrame(8, 0, 1000),
    frame(2, 0, 9, new Uint8Array(5)),
    frame(1, 1, 7, block(...get).subarray(0, 20)),
    frame(9, 4, 7, block(...get).subarray(20)),
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
      frame(1, 1, 1, block(...get).subarray(0, 9)),
      frame(9, 4, 1, block(...get).subarray(9)),
      numberFrame(8, 0, 9),
      numberFrame(3, 1, 8),
    ),
    joined(
      frame(6, 0, 0, bytesOf("12345678")),
      frame(0, 9, 1, Uint8Array.of(1, 2, 0)),
      frame(2, 0, 1, new Uint8Array(5)),
      frame(7, 0, 0, new Uint8Array(8)),
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
    assert.equal(made.counters.requestsInFlight, 0, `seed ${seed}, round ${rounds}`);
  }
  assert.ok(rounds > 100, `${rounds} rounds`);
});
