import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpHandler, HttpResponse } from "../http.ts";
import { readBody } from "../read-body.ts";
import {
  block,
  bytesOf,
  content,
  data,
  frame,
  get,
  headers,
  http2Conversation,
  joined,
  numberFrame,
  post,
  preface,
  settings,
  told,
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
  connection.receive(frame([6, 1], 0, ping?.content ?? new Uint8Array(8)));
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
    [joined(open, frame([4, 1], 0)), 67_000, 0],
    [open, 11_000, 4],
    [joined(open, frame([4, 1], 0), frame([1, 1], 1, block(...get))), 11_000, 1],
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
