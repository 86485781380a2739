// What gRPC and gRPC-Web answers mean, however their bytes are split. No network: `send` is what the test says.
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import { Call } from "../call.ts";
import { isFault } from "../fault.ts";
import { createClient } from "./client.ts";
import { bytesFromEnvelope } from "./envelope.ts";
import { createGrpcTransport } from "./grpc-transport.ts";
import { createGrpcWebTransport } from "./grpc-web-transport.ts";
import { bytesFromTrailers } from "./grpc-web.ts";
import type { Send, SendAnswer, SendRequest } from "./http-send.ts";
import { joined } from "./http-send.ts";
import { gzip } from "./node/gzip.ts";
import type { ProtocolOptions } from "./protocol-options.ts";
import type { GreeterClient } from "./testdata/greeter.weir.ts";
import { CountResponse, Greeter, HelloResponse } from "./testdata/greeter.weir.ts";

interface Scripted {
  readonly status?: number;
  readonly headers?: readonly string[];
  readonly frames?: readonly Uint8Array[];
  readonly trailers?: readonly string[] | undefined;
}

const type = ["content-type", "application/grpc"];
const ok = ["grpc-status", "0"];
const hello = HelloResponse.toBinary(HelloResponse.create({ greeting: "hi" }));
const message = bytesFromEnvelope(0, hello);
const packed = bytesFromEnvelope(1, gzipSync(hello));
const failed = ["grpc-status", "9", "grpc-message", "not %E2%9C%93 now"];

/** What a unary call comes to: its greeting, or code and reason. */
const table: readonly [what: string, answer: Scripted, expected: string][] = [
  ["one message and OK", { frames: [message], trailers: ok }, "hi"],
  ["an empty message", { frames: [bytesFromEnvelope(0, new Uint8Array())], trailers: ok }, ""],
  ["a compressed message", { headers: [...type, "grpc-encoding", "gzip"], frames: [packed], trailers: ok }, "hi"],
  ["a status alone", { trailers: failed }, "FAILED_PRECONDITION PEER_FAULT not ✓ now"],
  ["a message and a failure", { frames: [message], trailers: failed }, "FAILED_PRECONDITION PEER_FAULT not ✓ now"],
  ["a status in the head and nothing else", { headers: [...type, ...failed] }, "FAILED_PRECONDITION PEER_FAULT not ✓ now"],
  ["OK in the head and nothing else", { headers: [...type, ...ok] }, "UNIMPLEMENTED ANSWER_COUNT_INVALID"],
  ["no message and OK", { trailers: ok }, "UNIMPLEMENTED ANSWER_COUNT_INVALID"],
  ["two messages", { frames: [message, message], trailers: ok }, "UNIMPLEMENTED ANSWER_COUNT_INVALID"],
  ["a message and no trailers", { frames: [message] }, "INTERNAL STREAM_TRUNCATED"],
  ["a status in the head, a message, no trailers", { headers: [...type, ...ok], frames: [message] }, "INTERNAL STREAM_TRUNCATED"],
  ["nothing at all", {}, "INTERNAL STREAM_TRUNCATED"],
  ["half a message", { frames: [message.subarray(0, 7)], trailers: ok }, "INTERNAL STREAM_TRUNCATED"],
  ["trailers without a status", { frames: [message], trailers: ["x-other", "1"] }, "INTERNAL PEER_ANSWER_INVALID"],
  ["a status that does not exist", { trailers: ["grpc-status", "99"] }, "UNKNOWN PEER_FAULT"],
  ["a compressed flag under no name", { frames: [packed], trailers: ok }, "INTERNAL PEER_ANSWER_INVALID"],
  [
    "compressed as identity",
    { headers: [...type, "grpc-encoding", "identity"], frames: [packed], trailers: ok },
    "INTERNAL PEER_ANSWER_INVALID",
  ],
  [
    "compressed as nobody asked",
    { headers: [...type, "grpc-encoding", "zstd"], frames: [packed], trailers: ok },
    "INTERNAL PEER_ANSWER_INVALID",
  ],
  [
    "other bytes said to be gzip",
    { headers: [...type, "grpc-encoding", "gzip"], frames: [bytesFromEnvelope(1, hello)], trailers: ok },
    "INTERNAL PEER_ANSWER_INVALID",
  ],
  ["flags that nobody knows", { frames: [bytesFromEnvelope(4, hello)], trailers: ok }, "INTERNAL PEER_ANSWER_INVALID"],
  ["bytes that are no message", { frames: [bytesFromEnvelope(0, Uint8Array.of(0xff))], trailers: ok }, "INTERNAL PEER_ANSWER_INVALID"],
  [
    "a message over the limit",
    { frames: [bytesFromEnvelope(0, new Uint8Array(1001))], trailers: ok },
    "RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE",
  ],
  ["a length over the limit and no more", { frames: [Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff)] }, "RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE"],
  [
    "a gzip bomb",
    { headers: [...type, "grpc-encoding", "gzip"], frames: [bytesFromEnvelope(1, gzipSync(new Uint8Array(1e6)))], trailers: ok },
    "RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE",
  ],
  ["another content type", { headers: ["content-type", "text/html"], frames: [message], trailers: ok }, "UNKNOWN PEER_ANSWER_FOREIGN"],
  ["no content type", { headers: [], frames: [message], trailers: ok }, "UNKNOWN PEER_ANSWER_FOREIGN"],
  [
    "another encoding",
    { headers: ["content-type", "application/grpc+json"], frames: [message], trailers: ok },
    "INTERNAL PEER_ANSWER_INVALID",
  ],
  ["400", { status: 400, headers: ["content-type", "text/html"] }, "INTERNAL PEER_HTTP_STATUS"],
  ["401", { status: 401, headers: [] }, "UNAUTHENTICATED PEER_HTTP_STATUS"],
  ["403", { status: 403, headers: [] }, "PERMISSION_DENIED PEER_HTTP_STATUS"],
  ["404", { status: 404, headers: [] }, "UNIMPLEMENTED PEER_HTTP_STATUS"],
  ["429", { status: 429, headers: [] }, "UNAVAILABLE PEER_HTTP_STATUS"],
  ["502", { status: 502, headers: [] }, "UNAVAILABLE PEER_HTTP_STATUS"],
  ["503", { status: 503, headers: [] }, "UNAVAILABLE PEER_HTTP_STATUS"],
  ["504", { status: 504, headers: [] }, "UNAVAILABLE PEER_HTTP_STATUS"],
  ["500", { status: 500, headers: [] }, "UNKNOWN PEER_HTTP_STATUS"],
  ["503 with a status of gRPC", { status: 503, headers: [...type, ...failed] }, "FAILED_PRECONDITION PEER_FAULT not ✓ now"],
];

const options: ProtocolOptions = { answerBytesMax: 1000, compression: { accepts: [gzip] } };

/** Cuts `bytes` into pieces of this many; the trailers come after the last. */
function inPieces(bytes: Uint8Array, size: number, trailers: readonly string[] | undefined): SendAnswer["body"] {
  let left = 0;
  const body = {
    async *[Symbol.asyncIterator]() {
      try {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      } finally {
        left += 1;
      }
    },
    trailers: () => trailers?.slice(),
    left: () => left,
  };
  return body;
}

async function outcome(client: GreeterClient): Promise<string> {
  try {
    return (await client.hello({})).greeting;
  } catch (thrown) {
    assert.ok(isFault(thrown), String(thrown));
    return `${thrown.code} ${thrown.reason}${thrown.reason === "PEER_FAULT" && thrown.message ? ` ${thrown.message}` : ""}`;
  }
}

function grpcAnswer({ status = 200, headers = type, frames = [], trailers }: Scripted, size: number | "whole"): SendAnswer {
  const bytes = joined(
    [...frames],
    frames.reduce((sum, { length }) => sum + length, 0),
  );
  if (trailers === undefined && frames.length === 0) return { status, headers };
  if (size !== "whole") return { status, headers, body: inPieces(bytes, size, trailers) };
  if (trailers === undefined) return { status, headers, body: bytes };
  return {
    status,
    headers,
    body: { whole: bytes, trailers: () => trailers.slice(), [Symbol.asyncIterator]: () => assert.fail("expected `whole` to be taken") },
  };
}

/** The same answer in gRPC-Web: the trailers are the last message. */
function webAnswer(answer: Scripted, size: number | "whole", text: boolean): SendAnswer {
  const { status = 200, headers = type, frames = [], trailers } = answer;
  const kind = text ? "application/grpc-web-text" : "application/grpc-web";
  const list = headers.map((value) => value.replace(/^application\/grpc(?!-)/, kind));
  if (trailers === undefined && frames.length === 0) return { status, headers: list };
  const parts = trailers === undefined ? frames : [...frames, bytesFromTrailers(trailers)];
  const bytes = Buffer.concat(parts);
  // Each part padded by itself, as a server does that flushes after each.
  const sent = text ? Buffer.from(parts.map((part) => Buffer.from(part).toString("base64")).join("")) : bytes;
  return { status, headers: list, body: size === "whole" ? sent : inPieces(sent, size, undefined) };
}

for (const [what, answer, expected] of table) {
  test(`a unary answer of gRPC with ${what} is ${expected || "taken"}, whole and in pieces`, async () => {
    for (const size of ["whole", 1, 3, 6, 1000] as const) {
      const client = createClient(
        Greeter,
        createGrpcTransport(async () => grpcAnswer(answer, size), options),
      );
      assert.equal(await outcome(client), expected, `in pieces of ${size}`);
    }
  });
  // The end of a body is all that tells half a message from a whole one: there the trailers are lost with it.
  const webExpected = what === "half a message" ? "INTERNAL STREAM_TRUNCATED" : expected;
  test(`a unary answer of gRPC-Web with ${what} is ${webExpected || "taken"}, binary and text`, async () => {
    for (const text of [false, true]) {
      for (const size of ["whole", 1, 3, 6, 1000] as const) {
        const given = what === "half a message" ? { ...answer, trailers: undefined } : answer;
        const client = createClient(
          Greeter,
          createGrpcWebTransport(async () => webAnswer(given, size, text), { ...options, text }),
        );
        assert.equal(await outcome(client), webExpected, `${text ? "text" : "binary"} in pieces of ${size}`);
      }
    }
  });
}

test("a stream gives what came before it failed, and leaves its body then", async () => {
  const counted = (number: number): Uint8Array => bytesFromEnvelope(0, CountResponse.toBinary({ number, text: "" }));
  const bad: readonly [Uint8Array[], string[] | undefined, string][] = [
    [[counted(1), counted(2)], failed, "FAILED_PRECONDITION"],
    [[counted(1), counted(2)], undefined, "INTERNAL"],
    [[counted(1), counted(2), bytesFromEnvelope(0, Uint8Array.of(0xff)), counted(3)], ok, "INTERNAL"],
    [[counted(1), counted(2), Uint8Array.of(0, 1, 0, 0, 0), counted(3)], ok, "RESOURCE_EXHAUSTED"],
  ];
  for (const [frames, trailers, code] of bad) {
    const body = inPieces(Buffer.concat(frames), 2, trailers) as { left(): number } & SendAnswer["body"];
    const send: Send = async () => ({ status: 200, headers: type, body });
    const client = createClient(Greeter, createGrpcTransport(send, options));
    const numbers: number[] = [];
    await assert.rejects(
      async () => {
        for await (const { number } of client.count({})) numbers.push(number);
      },
      (thrown) => isFault(thrown) && thrown.code === code,
    );
    assert.deepEqual(numbers, [1, 2]);
    assert.equal(body.left(), 1);
  }
});

test("a request says its protocol, deadline, compression, trace and metadata, and the answer's end tells its trailers", async () => {
  const seen: SendRequest[] = [];
  const send: Send = async (request) => {
    seen.push(request);
    return grpcAnswer(
      { headers: [...type, "x-head", "1"], frames: [message], trailers: [...ok, "x-trailer", "2", "grpc-message", ""] },
      "whole",
    );
  };
  const transport = createGrpcTransport(send, { compression: { accepts: [gzip], sends: gzip, bytesMin: 5 } });
  const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };
  const call = new Call({ timeoutMs: 2500, trace, metadata: ["x-own", "3"] });
  await transport(Greeter.methods.hello, { stream: false, message: Greeter.methods.hello.input.create({ name: "long enough" }) }, call);
  const [request] = seen;
  assert.ok(request);
  assert.deepEqual([request.method, request.target], ["POST", "/weir.greeter.v1.Greeter/Hello"]);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const own = ["content-type", "application/grpc", "grpc-timeout", "2500m", "grpc-accept-encoding", "gzip", "grpc-encoding", "gzip"];
  assert.deepEqual(request.headers, own.concat("traceparent", traceparent, "x-own", "3"));
  assert.equal((request.body as Uint8Array)[0], 1);
  assert.deepEqual(call.replyMetadata, [...type, "x-head", "1"]);
  assert.deepEqual(call.replyTrailers, ["x-trailer", "2"]);
});
