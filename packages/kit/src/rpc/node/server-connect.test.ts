import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { promisify } from "node:util";
import { fault } from "../../fault.ts";
import type { Layer, Message } from "../../service.ts";
import { bytesFromEnvelope, envelopesFromBody } from "../envelope.ts";
import { kitReasons } from "../../reasons.ts";
import type { RawAnswer } from "../testdata/greeter.ts";
import { createGreeter, startGreeter } from "../testdata/greeter.ts";
import { HelloResponse } from "../testdata/greeter.weir.ts";

const hello = "/weir.greeter.v1.Greeter/Hello";
const json = ["content-type", "application/json"];
const stream = ["content-type", "application/connect+json"];

function enveloped(...messages: readonly (object | string)[]): Buffer {
  return Buffer.concat(
    messages.map((message) => bytesFromEnvelope(0, Buffer.from(typeof message === "string" ? message : JSON.stringify(message)))),
  );
}

async function messagesOf(answer: RawAnswer): Promise<[flags: number, message: unknown][]> {
  const found: [number, unknown][] = [];
  const limits = { bytesMax: 1e6, tooLarge: kitReasons.RESPONSE_TOO_LARGE, truncated: kitReasons.STREAM_TRUNCATED };
  for await (const { flags, data } of envelopesFromBody(answer.bytes, limits))
    found.push([flags, JSON.parse(Buffer.from(data).toString())]);
  return found;
}

test("Connect unary answers a POST", async () => {
  await using greeter = await startGreeter();
  const answer = await greeter.ask("POST", hello, { headers: [...json, "connect-protocol-version", "1"], body: '{"name":"ada"}' });
  assert.deepEqual([answer.status, answer.headers.get("content-type"), answer.json], [200, "application/json", { greeting: "hello ada" }]);
});

test("curl can call REST and Connect", async () => {
  await using greeter = await startGreeter();
  const curl = promisify(execFile);
  const rest = await curl("curl", ["-sS", "--max-time", "5", "-i", `${greeter.url}/v1/hello/ada?tags=x`]);
  assert.match(rest.stdout, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(rest.stdout, /\r\n\r\n\{"greeting":"hello ada","tags":\["x"\]\}$/);
  const head = await curl("curl", ["-sS", "--max-time", "5", "-I", `${greeter.url}/v1/hello/ada`]);
  assert.match(head.stdout, /content-length: 24\r\n/);
  const connect = await curl("curl", [
    "-sS",
    "--max-time",
    "5",
    "-H",
    "content-type: application/json",
    "-d",
    '{"name":"ada"}',
    greeter.url + hello,
  ]);
  assert.equal(connect.stdout, '{"greeting":"hello ada"}');
  const lines = await curl("curl", ["-sS", "--max-time", "5", `${greeter.url}/v1/count/2?text=t`]);
  assert.equal(lines.stdout, '{"result":{"number":1,"text":"t"}}\n{"result":{"number":2,"text":"t"}}\n');
});

/** Code and reason; of what is no call, and so answered in plain text, the first word. */
function saidOf(answer: RawAnswer): string | undefined {
  if (answer.headers.get("content-type") !== "application/json") return answer.text.split(" ", 1)[0];
  const { details, code } = JSON.parse(answer.text) as { code: string; details: { debug: { reason: string } }[] };
  return `${code} ${details[0]?.debug.reason}`;
}

const bomb = gzipSync(Buffer.alloc(5000));

test("Connect refuses what it cannot read, each with its status, code and reason", async () => {
  await using greeter = await startGreeter(createGreeter(), { requestBytesMax: 50 });
  const table: [method: string, target: string, rest: { headers?: string[]; body?: string | Uint8Array }, expected: string][] = [
    ["POST", hello, { headers: json, body: "" }, "400 invalid_argument JSON_INVALID"],
    ["POST", hello, { headers: json, body: "{" }, "400 invalid_argument JSON_INVALID"],
    ["POST", hello, { headers: json, body: "[]" }, "400 invalid_argument JSON_INVALID"],
    ["POST", hello, { headers: json, body: '{"name":[]}' }, "400 invalid_argument JSON_INVALID"],
    ["POST", hello, { headers: json, body: Uint8Array.of(0x22, 0xc3, 0x22) }, "400 invalid_argument JSON_INVALID"],
    ["POST", hello, { headers: ["content-type", "application/protobuf"], body: "" }, "415 Expected"],
    ["POST", hello, { headers: stream, body: enveloped({}) }, "415 Expected"],
    ["POST", hello, { headers: ["content-type", "application/proto"], body: "\x0a" }, "400 invalid_argument BINARY_INVALID"],
    ["POST", hello, { headers: [...json, "content-encoding", "br"], body: "{}" }, "501 unimplemented ENCODING_UNSUPPORTED"],
    ["POST", hello, { headers: [...json, "content-encoding", "gzip"], body: "{}" }, "400 invalid_argument ENCODING_INVALID"],
    ["POST", hello, { headers: [...json, "content-encoding", "gzip"], body: bomb }, "429 resource_exhausted DECOMPRESSED_TOO_LARGE"],
    ["POST", hello, { headers: [...json, "x-trace-bin", "!"], body: "{}" }, "400 invalid_argument METADATA_INVALID"],
    [
      "POST",
      hello,
      { headers: [...json, "connect-protocol-version", "2"], body: "{}" },
      "400 invalid_argument PROTOCOL_VERSION_UNSUPPORTED",
    ],
    ["POST", hello, { headers: [...json, "connect-timeout-ms", "1s"], body: "{}" }, "400 invalid_argument TIMEOUT_INVALID"],
    ["POST", hello, { headers: json, body: `{"name":"${"x".repeat(60)}"}` }, "429 resource_exhausted REQUEST_TOO_LARGE"],
    ["PUT", hello, { headers: json, body: "{}" }, "405 Expected"],
    ["GET", "/weir.greeter.v1.Greeter/Count", {}, "405 Expected"],
    ["POST", "/weir.greeter.v1.Greeter/Count", { headers: json, body: "{}" }, "415 Expected"],
    [
      "POST",
      "/weir.greeter.v1.Greeter/Nothing",
      { headers: [...json, "connect-protocol-version", "1"], body: "{}" },
      "404 unimplemented ROUTE_NOT_FOUND",
    ],
    ["POST", "/weir.greeter.v1.Nobody/Hello", { headers: stream }, "404 unimplemented ROUTE_NOT_FOUND"],
    ["GET", hello, {}, "415 Expected"],
    ["GET", `${hello}?encoding=text&message=`, {}, "415 Expected"],
    ["GET", `${hello}?encoding=json`, {}, "400 invalid_argument QUERY_INVALID"],
    ["GET", `${hello}?encoding=json&message=%7B`, {}, "400 invalid_argument JSON_INVALID"],
    ["GET", `${hello}?encoding=json&base64=1&message=!!`, {}, "400 invalid_argument QUERY_INVALID"],
    ["GET", `${hello}?encoding=json&message=%7B%7D&connect=v2`, {}, "400 invalid_argument PROTOCOL_VERSION_UNSUPPORTED"],
    ["GET", `${hello}?encoding=proto&message=%0A`, {}, "400 invalid_argument BINARY_INVALID"],
    ["GET", `${hello}?encoding=json&compression=br&message=%7B%7D`, {}, "501 unimplemented ENCODING_UNSUPPORTED"],
  ];
  for (const [method, target, rest, expected] of table) {
    const answer = await greeter.ask(method, target, rest);
    assert.equal(`${answer.status} ${saidOf(answer)}`, expected, `${method} ${target} ${answer.text}`);
  }
});

test("a server that keeps its reasons to itself answers code and message alone", async () => {
  await using greeter = await startGreeter(createGreeter(), { errorInfo: false });
  const wrong = await greeter.ask("POST", hello, { headers: json, body: "{" });
  const nothing = await greeter.ask("POST", "/weir.greeter.v1.Nobody/Hello", { headers: stream });
  for (const answer of [wrong, nothing]) assert.deepEqual((answer.json as unknown as { details: unknown }).details, []);
});

test("Connect GET calls a method without side effects, with a plain or a base64 message", async () => {
  await using greeter = await startGreeter();
  const message = '{"name":"a b+ü","tags":["x"]}';
  const forms = [
    `connect=v1&encoding=json&message=${encodeURIComponent(message)}`,
    `base64=1&message=${Buffer.from(message).toString("base64url")}&encoding=json`,
  ];
  for (const query of forms) {
    const answer = await greeter.ask("GET", `${hello}?${query}`);
    assert.deepEqual([answer.status, answer.json], [200, { greeting: "hello a b+ü", tags: ["x"] }], query);
  }
  const allow = await greeter.ask("OPTIONS", hello);
  assert.equal(allow.headers.get("allow"), "GET, HEAD, POST, OPTIONS");
});

test("a Connect stream is enveloped messages and an end message with late metadata", async () => {
  const greeting = createGreeter({
    async *count({ count }, call) {
      for (let number = 1; number <= count; number++) yield { number, text: "" };
      call.replyMetadata.push("x-late", "1", "x-late", "2");
    },
  });
  await using greeter = await startGreeter(greeting);
  const answer = await greeter.ask("POST", "/weir.greeter.v1.Greeter/Count", { headers: stream, body: enveloped({ count: 2 }) });
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "application/connect+json"]);
  assert.deepEqual(await messagesOf(answer), [
    [0, { number: 1 }],
    [0, { number: 2 }],
    [2, { metadata: { "x-late": ["1", "2"] } }],
  ]);
});

test("a Connect stream ends with its error, also when nothing came before it", async () => {
  const failing = createGreeter({
    async *count({ count }) {
      if (count > 0) yield { number: 1, text: "" };
      throw fault({ reason: "PLANTED", code: "ABORTED" }, "Planted.", { retryAfterMs: 5 });
    },
  });
  await using greeter = await startGreeter(failing, { requestBytesMax: 100 });
  const ask = async (
    body: Uint8Array,
    encoding = "identity",
  ): Promise<[number, { error?: { code: string; details: { debug?: { reason?: string } }[] } }][]> =>
    (await messagesOf(
      await greeter.ask("POST", "/weir.greeter.v1.Greeter/Count", { headers: [...stream, "connect-content-encoding", encoding], body }),
    )) as never;
  for (const count of [0, 1]) {
    const messages = await ask(enveloped({ count }));
    assert.equal(messages.length, count + 1);
    assert.deepEqual([messages.at(-1)?.[0], messages.at(-1)?.[1].error?.code], [2, "aborted"]);
  }
  const table: [body: Buffer, code: string, reason: string, encoding?: string][] = [
    [Buffer.alloc(0), "unimplemented", "REQUEST_COUNT_INVALID"],
    [enveloped({ count: 1 }, { count: 1 }), "unimplemented", "REQUEST_COUNT_INVALID"],
    [enveloped({ count: 1 }), "unimplemented", "ENCODING_UNSUPPORTED", "br"],
    [Buffer.from(bytesFromEnvelope(1, bomb)), "resource_exhausted", "DECOMPRESSED_TOO_LARGE", "gzip"],
    [Buffer.from(bytesFromEnvelope(1, Buffer.from("{}"))), "invalid_argument", "ENCODING_INVALID", "gzip"],
    [enveloped({ count: 1 }).subarray(0, 9), "invalid_argument", "ENVELOPE_INVALID"],
    [Buffer.from(bytesFromEnvelope(2, Buffer.from("{}"))), "invalid_argument", "ENVELOPE_INVALID"],
    [Buffer.from(bytesFromEnvelope(1, Buffer.from("{}"))), "internal", "ENCODING_INVALID"],
    [enveloped("{"), "invalid_argument", "JSON_INVALID"],
    [enveloped(""), "invalid_argument", "JSON_INVALID"],
    [Buffer.of(0, 0, 1, 0, 0), "resource_exhausted", "REQUEST_TOO_LARGE"],
  ];
  for (const [body, code, reason, encoding] of table) {
    const [end, ...more] = await ask(body, encoding);
    assert.deepEqual([end?.[0], end?.[1].error?.code, end?.[1].error?.details[0]?.debug?.reason, more.length], [2, code, reason, 0]);
  }
});

test("a message of a stream over the limit ends it", async () => {
  await using greeter = await startGreeter(createGreeter(), { responseBytesMax: 100 });
  const body = enveloped({ count: 1, text: "x".repeat(200) });
  const answer = await greeter.ask("POST", "/weir.greeter.v1.Greeter/Count", { headers: stream, body });
  assert.match(answer.text, /^.{5}\{"error":\{"code":"resource_exhausted".*RESPONSE_TOO_LARGE/s);
});

test("a REST stream is events for who accepts them, lines for others; both end with their error", async () => {
  const counting = createGreeter({
    async *count({ count }, call) {
      call.replyMetadata.push("x-too-late", "1");
      yield { number: 1, text: "a\nb" };
      if (count === 0) throw fault({ reason: "PLANTED", code: "ABORTED" }, "Planted.");
    },
  });
  await using greeter = await startGreeter(counting);
  const events = await greeter.ask("GET", "/v1/count/1", { headers: ["accept", "text/event-stream"] });
  assert.deepEqual([events.headers.get("content-type"), events.headers.get("cache-control")], ["text/event-stream", "no-store"]);
  assert.equal(events.text, 'data: {"number":1,"text":"a\\nb"}\n\nevent: end\ndata: {}\n\n');
  const failed = await greeter.ask("GET", "/v1/count/0", { headers: ["accept", "text/event-stream"] });
  assert.match(failed.text, /\n\nevent: fault\ndata: \{"code":"aborted","reason":"PLANTED".*\}\n\n$/);
  const lines = await greeter.ask("GET", "/v1/count/1");
  assert.deepEqual([lines.headers.get("content-type"), lines.text], ["application/x-ndjson", '{"result":{"number":1,"text":"a\\nb"}}\n']);
  const broken = await greeter.ask("GET", "/v1/count/0");
  assert.match(broken.text, /^\{"result":.*\}\n\{"error":\{"code":"aborted","reason":"PLANTED".*\}\}\n$/);
});

test("a layer refuses unary calls and streams alike, on every protocol, before the handler", async () => {
  let reached = 0;
  const guarded = createGreeter(
    {
      async hello() {
        reached++;
        return HelloResponse.create();
      },
      async *count() {
        reached++;
        yield { number: 1, text: "" };
      },
    },
    { layers: [() => () => Promise.reject(fault({ reason: "TOKEN_MISSING", code: "UNAUTHENTICATED" }, "Expected a token, found none."))] },
  );
  await using greeter = await startGreeter(guarded);
  for (const target of ["/v1/hello/ada", "/v1/count/3"]) {
    const answer = await greeter.ask("GET", target);
    assert.deepEqual([answer.status, answer.json["reason"]], [401, "TOKEN_MISSING"], target);
  }
  const unary = await greeter.ask("POST", hello, { headers: json, body: "{}" });
  assert.equal(unary.status, 401);
  for (const method of ["Count", "Sum", "Echo"]) {
    const messages = await messagesOf(
      await greeter.ask("POST", `/weir.greeter.v1.Greeter/${method}`, { headers: stream, body: enveloped({}) }),
    );
    assert.equal(messages.length, 1);
    assert.equal((messages[0]?.[1] as { error?: { code: string } } | undefined)?.error?.code, "unauthenticated");
  }
  assert.equal(reached, 0);
});

test("the server's layers stand outside those of an implementation", async () => {
  const seen: string[] = [];
  const noting =
    (name: string): Layer<Message<unknown>, Message<unknown>> =>
    (next) =>
    (request, call) => {
      seen.push(name);
      return next(request, call);
    };
  await using greeter = await startGreeter(createGreeter({}, { layers: [noting("inner 1"), noting("inner 2")] }), {
    layers: [noting("outer 1"), noting("outer 2")],
  });
  await greeter.ask("GET", "/v1/hello/ada");
  assert.deepEqual(seen, ["outer 1", "outer 2", "inner 1", "inner 2"]);
});
