// What the Connect client writes and what answers mean to it. No network: `send` is what the test says.
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import { Call } from "../call.ts";
import { isFault } from "../fault.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createClient } from "./client.ts";
import type { ConnectTransportOptions } from "./connect-transport.ts";
import { createConnectTransport } from "./connect-transport.ts";
import type { Send, SendAnswer, SendRequest } from "./http-send.ts";
import { gzip } from "./node/gzip.ts";
import { Greeter, HelloRequest, HelloResponse } from "./testdata/greeter.weir.ts";

const { hello } = Greeter.methods;
const greeting = HelloResponse.toBinary(HelloResponse.create({ greeting: "hi" }));
const proto: SendAnswer = { status: 200, headers: ["content-type", "application/proto"], body: greeting };
const json: SendAnswer = {
  status: 200,
  headers: ["content-type", "application/json; charset=utf-8"],
  body: Buffer.from('{"greeting":"hi"}'),
};

/** The requests of one call, and the call. */
async function asked(options: ConnectTransportOptions, message: Partial<HelloRequest>, answer: SendAnswer): Promise<[SendRequest, Call]> {
  const seen: SendRequest[] = [];
  const send: Send = async (request) => {
    seen.push(request);
    return answer;
  };
  const call = new Call({ timeoutMs: 1500, metadata: ["x-own", "1"], clock: createVirtualClock() });
  const found = await createConnectTransport(send, options)(hello, { stream: false, message: HelloRequest.create(message) }, call);
  assert.ok(!found.stream);
  assert.equal(found.message.greeting, "hi");
  assert.equal(seen.length, 1);
  return [seen[0] as SendRequest, call];
}

test("a unary request is a POST in the encoding asked for, compressed where that pays", async () => {
  const base = ["connect-protocol-version", "1", "connect-timeout-ms", "1500", "x-own", "1"];
  const [inJson] = await asked({}, { name: "ada" }, json);
  assert.deepEqual([inJson.method, inJson.target], ["POST", "/weir.greeter.v1.Greeter/Hello"]);
  assert.deepEqual(inJson.headers, ["content-type", "application/json", ...base]);
  assert.equal(Buffer.from(inJson.body as Uint8Array).toString(), '{"name":"ada"}');
  const compression = { accepts: [gzip], sends: gzip, bytesMin: 20 };
  const [short] = await asked({ encoding: "proto", compression }, { name: "ada" }, proto);
  assert.deepEqual(short.headers, ["content-type", "application/proto", ...base, "accept-encoding", "gzip"]);
  const [long] = await asked({ encoding: "proto", compression }, { name: "a".repeat(1000) }, proto);
  assert.deepEqual(long.headers, ["content-type", "application/proto", ...base, "accept-encoding", "gzip", "content-encoding", "gzip"]);
  assert.ok((long.body as Uint8Array).length < 100);
});

test("a safe method goes by GET when asked to, until its target would be too long", async () => {
  const [inJson] = await asked({ useGet: true }, { name: "a&b ü" }, json);
  assert.deepEqual([inJson.method, inJson.body], ["GET", undefined]);
  const message = encodeURIComponent('{"name":"a&b ü"}');
  assert.equal(inJson.target, `/weir.greeter.v1.Greeter/Hello?connect=v1&encoding=json&message=${message}`);
  assert.deepEqual(inJson.headers, ["connect-timeout-ms", "1500", "x-own", "1"]);
  const [inProto] = await asked({ useGet: true, encoding: "proto" }, { seal: Uint8Array.of(255, 254, 253) }, proto);
  const bytes = HelloRequest.toBinary(HelloRequest.create({ seal: Uint8Array.of(255, 254, 253) }));
  const text = Buffer.from(bytes).toString("base64url");
  assert.equal(inProto.target, `/weir.greeter.v1.Greeter/Hello?connect=v1&base64=1&encoding=proto&message=${text}`);
  const [long] = await asked({ useGet: true, getLengthMax: 100 }, { name: "a".repeat(100) }, json);
  assert.equal(long.method, "POST");
  const seen: string[] = [];
  const send: Send = async ({ method }) => {
    seen.push(method);
    return { status: 500, headers: [] };
  };
  const unsafe = { ...hello, idempotency: "none" as const };
  await assert.rejects(
    createConnectTransport(send, { useGet: true })(unsafe, { stream: false, message: HelloRequest.create() }, new Call()),
  );
  assert.deepEqual(seen, ["POST"]);
});

test("headers and trailers of a unary answer come apart, a compressed one is read", async () => {
  const headers = [
    "content-type",
    "application/proto",
    "content-encoding",
    "gzip",
    "x-head",
    "1",
    "trailer-x-end",
    "2",
    "trailer-x-end",
    "3",
  ];
  const [, call] = await asked(
    { encoding: "proto", compression: { accepts: [gzip] } },
    {},
    { status: 200, headers, body: gzipSync(greeting) },
  );
  assert.deepEqual(call.replyMetadata, headers.slice(0, 6));
  assert.deepEqual(call.replyTrailers, ["x-end", "2", "x-end", "3"]);
});

const text = (status: number, body: string, ...headers: string[]): SendAnswer => ({
  status,
  headers: ["content-type", "application/json", ...headers],
  body: Buffer.from(body),
});

const failures: readonly [what: string, answer: SendAnswer, expected: string][] = [
  ["an error", text(409, '{"code":"aborted","message":"m"}'), "ABORTED PEER_FAULT m"],
  ["an error without a code", text(401, '{"message":"m"}'), "UNAUTHENTICATED PEER_FAULT m"],
  ["an error of a code that does not exist", text(429, '{"code":"foo","message":"m"}'), "UNAVAILABLE PEER_FAULT m"],
  ["an error in gzip", { ...text(409, "", "content-encoding", "gzip"), body: gzipSync('{"code":"aborted"}') }, "ABORTED PEER_FAULT "],
  ["a compressed body under a name not asked for", text(200, "{}", "content-encoding", "br"), "INTERNAL PEER_ANSWER_INVALID"],
  ["bytes that are not what they are said to be", text(200, "{}", "content-encoding", "gzip"), "INTERNAL PEER_ANSWER_INVALID"],
  [
    "a bomb",
    { ...text(200, "", "content-encoding", "gzip"), body: gzipSync(new Uint8Array(1e6)) },
    "RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE",
  ],
  ["too much", text(200, `"${"x".repeat(1001)}"`), "RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE"],
  ["another encoding", { ...text(200, ""), headers: ["content-type", "application/proto"] }, "INTERNAL PEER_ANSWER_INVALID"],
  ["a page", { status: 200, headers: ["content-type", "text/html"], body: Buffer.from("<h1>") }, "UNKNOWN PEER_ANSWER_FOREIGN"],
];

for (const [what, answer, expected] of failures) {
  test(`an answer of Connect with ${what} is ${expected}`, async () => {
    const options = { answerBytesMax: 1000, compression: { accepts: [gzip] } };
    const client = createClient(
      Greeter,
      createConnectTransport(async () => answer, options),
    );
    await assert.rejects(client.hello({}), (thrown) => {
      assert.ok(isFault(thrown));
      assert.equal(`${thrown.code} ${thrown.reason}${thrown.reason === "PEER_FAULT" ? ` ${thrown.message}` : ""}`, expected);
      return true;
    });
  });
}

test("plain HTTP that says when to come back is a Fault that says so", async () => {
  for (const [value, retryAfterMs] of [
    ["120", 120_000],
    ["soon", undefined],
  ] as const) {
    const send: Send = async () => ({ status: 503, headers: ["content-type", "text/plain", "retry-after", value] });
    await assert.rejects(createClient(Greeter, createConnectTransport(send)).hello({}), (thrown) => {
      assert.ok(isFault(thrown));
      assert.deepEqual([thrown.code, thrown.reason, thrown.retryAfterMs], ["UNAVAILABLE", "PEER_HTTP_STATUS", retryAfterMs]);
      return true;
    });
  }
});

test("a Connect error without a RetryInfo is to be tried again when its header says, one with as that says", async () => {
  const details = [{ type: "google.rpc.RetryInfo", value: "", debug: { retryDelay: "1.001s" } }];
  for (const [body, retryAfterMs] of [
    [{ code: "unavailable" }, 3000],
    [{ code: "odd", message: "m" }, 3000],
    [{ code: "unavailable", details }, 1001],
  ] as const) {
    const headers = ["content-type", "application/json", "retry-after", "3"];
    const send: Send = async () => ({ status: 503, headers, body: new TextEncoder().encode(JSON.stringify(body)) });
    await assert.rejects(createClient(Greeter, createConnectTransport(send)).hello({}), (thrown) => {
      assert.ok(isFault(thrown));
      assert.deepEqual([thrown.code, thrown.retryAfterMs], ["UNAVAILABLE", retryAfterMs]);
      return true;
    });
  }
});
