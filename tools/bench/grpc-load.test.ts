import assert from "node:assert/strict";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { programPath } from "../check/real-parts.ts";
import { buildGoLoad } from "./go-peers.ts";
import { GreetResponse } from "./hello.weir.ts";
import type { LoadResult } from "./load.ts";
import { load } from "./load.ts";
import { greetingFor } from "./suts/greeting.ts";

const isPinnable = process.platform === "linux" && programPath("taskset") !== undefined;
const skip = isPinnable ? false : "pins cores: runs on Linux with taskset";
const skipGo = skip || (await buildGoLoad()) !== undefined ? skip : "is built with Go, which node tools/services.ts up brings";

function prefixed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + message.length);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}

const good = prefixed(GreetResponse.toBinary(greetingFor("weir")));

function answer(stream: ServerHttp2Stream, body: Buffer, status: string): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
  // In two pieces: a load must not rely on one frame for one answer.
  stream.write(body.subarray(0, 7));
  stream.end(body.subarray(7));
}

/** Loads Node's own HTTP/2 server, which answers as `serve` says; it is told the number of the call, from 1. */
async function loaded(
  t: TestContext,
  grpcBy: "go" | "node",
  serve: (stream: ServerHttp2Stream, count: number, headers: IncomingHttpHeaders) => void,
  rate?: number,
): Promise<LoadResult> {
  let count = 0;
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => undefined);
    stream.resume();
    stream.once("end", () => serve(stream, ++count, headers));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => void server.close());
  const url = `grpc://127.0.0.1:${(server.address() as AddressInfo).port}/weir.bench.v1.Hello/Greet`;
  return load({ url, connections: 2, streams: 4, seconds: 1, rate, cores: "0", grpcBy });
}

for (const [grpcBy, skipOne] of [
  ["node", skip],
  ["go", skipGo],
] as const) {
  test(`${grpcBy}: the gRPC load counts good answers, and asks as gRPC wants to be asked`, { skip: skipOne }, async (t) => {
    const asked = new Set<string>();
    const result = await loaded(t, grpcBy, (stream, _count, headers) => {
      asked.add(JSON.stringify([":method", ":path", "content-type", "te"].map((name) => headers[name])));
      answer(stream, good, "0");
    });
    assert.equal(result.failures, 0);
    assert.ok(result.requests > 100, `${result.requests} requests`);
    assert.ok(result.latencyMsP99 > 0);
    assert.deepEqual([...asked], [JSON.stringify(["POST", "/weir.bench.v1.Hello/Greet", "application/grpc", "trailers"])]);
  });

  test(`${grpcBy}: a grpc-status other than 0 is a failure, though HTTP says 200`, { skip: skipOne }, async (t) => {
    const result = await loaded(t, grpcBy, (stream, count) => answer(stream, good, count % 10 === 0 ? "13" : "0"));
    assert.ok(result.failures > 5, `${result.failures} failures`);
    assert.ok(result.requests > result.failures);
  });

  test(`${grpcBy}: an answer with another message is a failure`, { skip: skipOne }, async (t) => {
    const other = Buffer.from(good);
    other[other.length - 1] = 33;
    const result = await loaded(t, grpcBy, (stream, count) => answer(stream, count === 20 ? other : good, "0"));
    assert.equal(result.failures, 1);
  });

  test(`${grpcBy}: a reset stream is a failure, and the load goes on`, { skip: skipOne }, async (t) => {
    const result = await loaded(t, grpcBy, (stream, count) => (count === 20 ? stream.close(2) : answer(stream, good, "0")));
    assert.equal(result.failures, 1);
    assert.ok(result.requests > 100, `${result.requests} requests`);
  });

  test(`${grpcBy}: a load with a rate makes as many calls as are due`, { skip: skipOne }, async (t) => {
    const result = await loaded(t, grpcBy, (stream) => answer(stream, good, "0"), 200);
    assert.equal(result.failures, 0);
    assert.ok(result.requests >= 198 && result.requests <= 200, `${result.requests} requests`);
  });
}
