import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Call } from "../../call.ts";
import { faultFromTrailers } from "../grpc-status.ts";
import { createGreeter, startGreeter } from "../testdata/greeter.ts";
import { CountRequest, HelloRequest, HelloResponse, SumRequest, SumResponse } from "../testdata/greeter.weir.ts";
import type { RawGrpcAnswer } from "../testdata/raw-grpc.ts";
import { createRawGrpc, envelope } from "../testdata/raw-grpc.ts";

const service = "/weir.greeter.v1.Greeter";
const ada = HelloRequest.toBinary(HelloRequest.create({ name: "Ada" }));
const bomb = gzipSync(Buffer.alloc(100_000));

function reasonOf({ headers, trailers }: RawGrpcAnswer): string | undefined {
  const list = Object.entries({ ...headers, ...trailers }).flatMap(([name, value]) => [name, String(value)]);
  return faultFromTrailers(list)?.reason;
}

test("a unary answer is a head, one envelope and trailers, byte by byte", async () => {
  await using greeter = await startGreeter();
  await using raw = createRawGrpc(greeter.url);
  for (const type of ["application/grpc", "application/grpc+proto"]) {
    const { headers, trailers, bytes } = await raw.ask(`${service}/Hello`, envelope(ada), { "content-type": type });
    const { date, ":status": status, ...rest } = headers;
    assert.deepEqual([status, rest, trailers], [200, { "content-type": type }, { "grpc-status": "0" }]);
    assert.ok(date);
    assert.deepEqual(bytes, envelope(HelloResponse.toBinary(HelloResponse.create({ greeting: "hello Ada" }))));
  }
});

test("messages may be JSON under application/grpc+json", async () => {
  await using greeter = await startGreeter();
  await using raw = createRawGrpc(greeter.url);
  const json = { "content-type": "application/grpc+json" };
  const { headers, bytes } = await raw.ask(`${service}/Hello`, envelope(Buffer.from('{"name":"Ädä","newer":1}')), json);
  assert.equal(headers["content-type"], "application/grpc+json");
  assert.deepEqual(bytes, envelope(Buffer.from('{"greeting":"hello Ädä"}')));
});

test("a failure without metadata is Trailers-Only; the status is 200", async () => {
  await using greeter = await startGreeter();
  await using raw = createRawGrpc(greeter.url);
  const answer = await raw.ask(`${service}/Hello`, Buffer.alloc(0));
  assert.deepEqual([answer.headers[":status"], answer.headers["grpc-status"], answer.trailers, answer.bytes.length], [200, "12", {}, 0]);
});

test("each request that breaks the rules is refused with its code and reason", async () => {
  await using greeter = await startGreeter(createGreeter(), { requestBytesMax: 2000 });
  await using raw = createRawGrpc(greeter.url);
  const gzip = { "grpc-encoding": "gzip" };
  const table: [what: string, method: string, body: Uint8Array, headers: Record<string, string>, expected: string][] = [
    ["no message", "Hello", Buffer.alloc(0), {}, "12 REQUEST_COUNT_INVALID"],
    ["two messages", "Hello", Buffer.concat([envelope(ada), envelope(ada)]), {}, "12 REQUEST_COUNT_INVALID"],
    ["no message for a server stream", "Count", Buffer.alloc(0), {}, "12 REQUEST_COUNT_INVALID"],
    ["two messages for a server stream", "Count", Buffer.concat([envelope(ada), envelope(ada)]), {}, "12 REQUEST_COUNT_INVALID"],
    ["a prefix that is cut off", "Hello", envelope(ada).subarray(0, 4), {}, "3 ENVELOPE_INVALID"],
    ["a message that is cut off", "Hello", envelope(ada).subarray(0, 7), {}, "3 ENVELOPE_INVALID"],
    ["a message of a stream that is cut off", "Sum", envelope(ada).subarray(0, 7), {}, "3 ENVELOPE_INVALID"],
    ["unknown flags", "Hello", envelope(ada, 2), {}, "3 ENVELOPE_INVALID"],
    ["unknown flags in a stream", "Sum", envelope(ada, 0x80), {}, "3 ENVELOPE_INVALID"],
    ["a compressed message that no header announced", "Hello", envelope(gzipSync(ada), 1), {}, "13 ENCODING_INVALID"],
    ["an unknown encoding", "Hello", envelope(ada, 1), { "grpc-encoding": "snappy" }, "12 ENCODING_UNSUPPORTED"],
    ["bytes that are not gzip", "Hello", envelope(ada, 1), gzip, "3 ENCODING_INVALID"],
    ["bytes behind the gzip", "Hello", envelope(Buffer.concat([gzipSync(ada), ada]), 1), gzip, "3 ENCODING_INVALID"],
    ["gzip that becomes too large", "Hello", envelope(bomb, 1), gzip, "8 DECOMPRESSED_TOO_LARGE"],
    ["gzip of a stream that becomes too large", "Sum", envelope(bomb, 1), gzip, "8 DECOMPRESSED_TOO_LARGE"],
    ["a message that is too large", "Hello", envelope(Buffer.alloc(2001)), {}, "8 REQUEST_TOO_LARGE"],
    ["a prefix that announces 4 GiB", "Hello", Buffer.of(0, 255, 255, 255, 255), {}, "8 REQUEST_TOO_LARGE"],
    ["bytes that are no message", "Hello", envelope(Buffer.of(0xff)), {}, "3 BINARY_INVALID"],
    ["a timeout without unit", "Hello", envelope(ada), { "grpc-timeout": "5" }, "3 TIMEOUT_INVALID"],
    ["a timeout of nine digits", "Hello", envelope(ada), { "grpc-timeout": "123456789m" }, "3 TIMEOUT_INVALID"],
    ["a timeout that has passed", "Hello", envelope(ada), { "grpc-timeout": "0m" }, "4 DEADLINE_EXCEEDED"],
    ["metadata in -bin that is not base64", "Hello", envelope(ada), { "x-some-bin": "?" }, "3 METADATA_INVALID"],
    ["an unknown method", "Nothing", envelope(ada), {}, "12 ROUTE_NOT_FOUND"],
  ];
  for (const [what, method, body, headers, expected] of table) {
    const answer = await raw.ask(`${service}/${method}`, body, headers);
    assert.equal(`${answer.status} ${reasonOf(answer)}`, expected, what);
    assert.equal(answer.headers[":status"], 200, what);
  }
});

test("other HTTP methods, other versions and other content types are refused by HTTP", async () => {
  await using greeter = await startGreeter();
  await using raw = createRawGrpc(greeter.url);
  const put = await raw.ask(`${service}/Sum`, envelope(ada), { ":method": "PUT" });
  assert.deepEqual([put.headers[":status"], put.headers["allow"]], [405, "POST, OPTIONS"]);
  for (const type of ["application/grpc+thrift", "application/grpcx", "text/plain"]) {
    assert.equal((await raw.ask(`${service}/Hello`, envelope(ada), { "content-type": type })).headers[":status"], 415, type);
  }
  const old = await greeter.ask("POST", `${service}/Hello`, { headers: ["content-type", "application/grpc"], body: envelope(ada) });
  assert.equal(old.status, 505);
});

test("metadata in -bin may be padded, unpadded and several behind commas", async () => {
  let seen: Call | undefined;
  const implementation = createGreeter({
    async hello(_, call) {
      seen = call;
      return HelloResponse.create({});
    },
  });
  await using greeter = await startGreeter(implementation);
  await using raw = createRawGrpc(greeter.url);
  const { status } = await raw.ask(`${service}/Hello`, envelope(ada), { "a-bin": "AAE=", "b-bin": "AAE", "c-bin": "AA,AAE=, AAEC" });
  assert.equal(status, "0");
  assert.deepEqual(seen?.metadata.slice(seen.metadata.indexOf("a-bin")), ["a-bin", "AAE=", "b-bin", "AAE", "c-bin", "AA,AAE=, AAEC"]);
});

test("answers are compressed when the client takes it and they are large enough, each message by itself", async () => {
  await using greeter = await startGreeter(createGreeter(), { compressBytesMin: 50 });
  await using raw = createRawGrpc(greeter.url);
  const large = HelloRequest.toBinary(HelloRequest.create({ name: "x".repeat(100) }));
  const accept = { "grpc-accept-encoding": "identity,deflate,gzip" };
  const plain = await raw.ask(`${service}/Hello`, envelope(large));
  assert.deepEqual([plain.bytes[0], plain.headers["grpc-encoding"]], [0, undefined]);
  assert.equal((await raw.ask(`${service}/Hello`, envelope(ada), accept)).bytes[0], 0);
  const compressed = await raw.ask(`${service}/Hello`, envelope(large), accept);
  assert.deepEqual([compressed.bytes[0], compressed.headers["grpc-encoding"]], [1, "gzip"]);
  assert.deepEqual(gunzipSync(compressed.bytes.subarray(5)), plain.bytes.subarray(5));
  const count = CountRequest.toBinary({ count: 2, text: "y".repeat(100) });
  const streamed = await raw.ask(`${service}/Count`, envelope(count), accept);
  assert.deepEqual([streamed.bytes[0], streamed.headers["grpc-encoding"]], [1, "gzip"]);
});

test("who compresses in a way that is not read is told which ways are", async () => {
  await using greeter = await startGreeter();
  await using raw = createRawGrpc(greeter.url);
  const { headers } = await raw.ask(`${service}/Hello`, envelope(ada, 1), { "grpc-encoding": "snappy" });
  assert.equal(headers["grpc-accept-encoding"], "gzip");
  const unary = ["content-type", "application/json", "content-encoding", "br"];
  assert.equal((await greeter.ask("POST", `${service}/Hello`, { headers: unary, body: "{}" })).headers.get("accept-encoding"), "gzip");
  const stream = ["content-type", "application/connect+json", "connect-content-encoding", "br"];
  const streamed = await greeter.ask("POST", `${service}/Count`, { headers: stream, body: envelope(Buffer.from("{}")) });
  assert.equal(streamed.headers.get("connect-accept-encoding"), "gzip");
});

test("messages are read however DATA frames cut them, compressed and not", async () => {
  await using greeter = await startGreeter();
  await using raw = createRawGrpc(greeter.url);
  const messages = [1, 20, 300].map((number) => SumRequest.toBinary({ number }));
  const body = Buffer.concat([
    envelope(messages[0] as Uint8Array),
    envelope(gzipSync(messages[1] as Uint8Array), 1),
    envelope(messages[2] as Uint8Array),
  ]);
  for (const size of [1, 3, 7]) {
    const stream = raw.open(`${service}/Sum`, { "grpc-encoding": "gzip" });
    for (let at = 0; at < body.length; at += size) {
      await new Promise((resolve) => stream.write(body.subarray(at, at + size), resolve));
    }
    stream.end();
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    assert.deepEqual(SumResponse.fromBinary(Buffer.concat(chunks).subarray(5)), { total: 321 }, String(size));
  }
});
