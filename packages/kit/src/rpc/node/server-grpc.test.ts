import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Metadata, status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { metadataValue } from "../../call.ts";
import type { Call } from "../../call.ts";
import type { Code } from "../../fault.ts";
import { codes, fault } from "../../fault.ts";
import { detailFromMessage } from "../fault-detail.ts";
import { faultFromTrailers } from "../grpc-status.ts";
import { createGrpcJsGreeter } from "../testdata/grpc-js-greeter.ts";
import { createGreeter, startGreeter } from "../testdata/greeter.ts";
import { CountRequest, HelloResponse } from "../testdata/greeter.weir.ts";
import { createRpcHandler } from "./server.ts";

const portOf = (url: string): number => Number(new URL(url).port);

test("grpc-js calls every kind of method", async () => {
  await using greeter = await startGreeter();
  using client = createGrpcJsGreeter(portOf(greeter.url));
  const { message, error } = await client.hello({ name: "Ada", tags: ["a", "b"], serial: 2n ** 53n });
  assert.equal(error, undefined);
  assert.deepEqual([message?.greeting, message?.tags, message?.serial], ["hello Ada", ["a", "b"], 2n ** 53n]);
  const counted: number[] = [];
  for await (const { number } of client.count({ count: 3 })) counted.push(number as number);
  assert.deepEqual(counted, [1, 2, 3]);
  const total = await new Promise((resolve, reject) => {
    const sum = client.sum((thrown, answer) => (thrown ? reject(thrown) : resolve(answer?.total)));
    for (const number of [1, 2, 3]) sum.write({ number });
    sum.end();
  });
  assert.equal(total, 6);
  const echo = client.echo();
  for (const number of [1, 2, 3]) {
    echo.write({ number });
    const [answer] = (await once(echo, "data")) as [{ total: number }];
    assert.equal(answer.total, (number * (number + 1)) / 2);
  }
  echo.end();
  await once(echo, "end");
});

test("metadata goes both ways over gRPC, headers and trailers, text and bytes", async () => {
  let seen: Call | undefined;
  const implementation = createGreeter({
    async hello({ name }, call) {
      seen = call;
      call.replyMetadata.push("x-head", "h", "x-head-bin", "AAEC", "grpc-status", "9", "content-type", "text/html");
      call.replyTrailers.push("x-trail", "t1", "x-trail", "t2", "x-trail-bin", "AwQ", "grpc-message", "no");
      if (name === "fail") throw fault({ reason: "PLANTED", code: "ABORTED" }, "Planted.");
      return HelloResponse.create({});
    },
  });
  await using greeter = await startGreeter(implementation);
  using client = createGrpcJsGreeter(portOf(greeter.url));
  const metadata = new Metadata();
  metadata.set("x-who", "me");
  metadata.set("x-raw-bin", Buffer.of(1, 2, 255));
  for (const name of ["fine", "fail"]) {
    const { headers, trailers, error } = await client.hello({ name }, { metadata });
    assert.equal(metadataValue(seen?.metadata ?? [], "x-who"), "me");
    assert.deepEqual(Buffer.from(metadataValue(seen?.metadata ?? [], "x-raw-bin") ?? "", "base64"), Buffer.of(1, 2, 255));
    assert.deepEqual([headers?.get("x-head"), headers?.get("x-head-bin")], [["h"], [Buffer.of(0, 1, 2)]]);
    assert.deepEqual([trailers.get("x-trail"), trailers.get("x-trail-bin")], [["t1, t2"], [Buffer.of(3, 4)]]);
    assert.equal(error?.code, name === "fail" ? status.ABORTED : undefined);
    assert.equal(headers?.get("x-trail").length, 0);
  }
});

test("every code comes over gRPC with message, reason and typed details", async () => {
  const detail = detailFromMessage(CountRequest, CountRequest.create({ count: 7 }));
  const implementation = createGreeter({
    async hello({ name }) {
      throw fault({ reason: "PLANTED", code: name as Code }, "Ünless % \n😀", { details: [detail], retryAfterMs: 1500 });
    },
  });
  await using greeter = await startGreeter(implementation);
  using client = createGrpcJsGreeter(portOf(greeter.url));
  for (const code of Object.keys(codes) as Code[]) {
    const { error, trailers } = await client.hello({ name: code });
    assert.deepEqual([error?.code, error?.details], [codes[code].grpc, "Ünless % \n😀"]);
    const bytes = trailers.get("grpc-status-details-bin")[0] as Buffer;
    const found = faultFromTrailers(["grpc-status", String(error?.code), "grpc-status-details-bin", bytes.toString("base64")]);
    assert.deepEqual([found?.reason, found?.retryAfterMs], ["PLANTED", 1500]);
    assert.deepEqual(found?.details[0]?.bytes, detail.bytes);
  }
});

test("a deadline of gRPC reaches the handler and ends the call, cancellation aborts its signal", async () => {
  const ends: string[] = [];
  let remainingMs = 0;
  const waiting = Promise.withResolvers<void>();
  const implementation = createGreeter({
    hello(_, call) {
      remainingMs = call.remainingMs();
      return new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason as Error)));
    },
    async *count(_, call) {
      call.onEnd(({ code }) => {
        ends.push(code);
        waiting.resolve();
      });
      yield { number: 1, text: "" };
      await new Promise(() => undefined);
    },
  });
  await using greeter = await startGreeter(implementation);
  using client = createGrpcJsGreeter(portOf(greeter.url));
  const { error } = await client.hello({}, { deadline: Date.now() + 150 });
  assert.equal(error?.code, status.DEADLINE_EXCEEDED);
  assert.ok(remainingMs > 0 && remainingMs <= 150, String(remainingMs));
  const stream = client.count({ count: 1 });
  stream.on("error", () => undefined);
  await once(stream, "data");
  stream.cancel();
  await waiting.promise;
  assert.deepEqual(ends, ["CANCELLED"]);
});

test("gzip is read from grpc-js and written to it", async () => {
  await using greeter = await startGreeter();
  using client = createGrpcJsGreeter(portOf(greeter.url), { "grpc.default_compression_algorithm": 2 });
  const name = "x".repeat(100_000);
  const { message } = await client.hello({ name });
  assert.equal(message?.greeting, `hello ${name}`);
});

test("messages over the limit are refused with RESOURCE_EXHAUSTED, as are those that become so", async () => {
  await using greeter = await startGreeter(createGreeter(), { requestBytesMax: 1000 });
  for (const algorithm of [0, 2]) {
    using client = createGrpcJsGreeter(portOf(greeter.url), { "grpc.default_compression_algorithm": algorithm });
    const { error } = await client.hello({ name: "x".repeat(1000) });
    assert.equal(error?.code, status.RESOURCE_EXHAUSTED);
    const failed = await new Promise<ServiceError | null>((resolve) => {
      const sum = client.sum((thrown) => resolve(thrown));
      sum.write({ number: 1 });
      sum.end();
    });
    assert.equal(failed, null);
  }
});

test("a call knows who its client has proven to be, and where it is", async () => {
  let seen: Call | undefined;
  const implementation = createGreeter({
    async hello(_, call) {
      seen = call;
      return HelloResponse.create({});
    },
  });
  const handler = createRpcHandler([implementation]);
  const exchange = { peerAddress: "10.0.0.7:4000", secure: true, identity: "spiffe://house/feed", version: "2", onCancel() {} } as const;
  const request = {
    method: "POST",
    target: "/weir.greeter.v1.Greeter/Hello",
    authority: "x",
    headers: ["content-type", "application/grpc"],
  };
  await handler({ ...request, body: new Uint8Array(5) }, exchange);
  assert.deepEqual(seen?.peer, { address: "10.0.0.7:4000", identity: "spiffe://house/feed" });
});

test("a method that does not exist is UNIMPLEMENTED", async () => {
  await using greeter = await startGreeter(createGreeter());
  const answer = await greeter.ask("POST", "/weir.greeter.v1.Greeter/Nothing", { headers: ["content-type", "application/grpc-web+proto"] });
  assert.match(answer.text, /grpc-status: 12/);
  assert.equal(answer.status, 200);
});
