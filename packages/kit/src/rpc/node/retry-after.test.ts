import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import { Call, metadataValue } from "../../call.ts";
import { fault, isFault } from "../../fault.ts";
import type { Fault } from "../../fault.ts";
import { createClient } from "../client.ts";
import { faultFromTrailers, trailersFromFault } from "../grpc-status.ts";
import { createGrpcJsGreeter } from "../testdata/grpc-js-greeter.ts";
import type { RunningGreeter } from "../testdata/greeter.ts";
import { createGreeter, startGreeter } from "../testdata/greeter.ts";
import { Greeter } from "../testdata/greeter.weir.ts";
import { createWireTransport } from "./transport.ts";

/** Milliseconds whose seconds a floating point number does not hold exactly, and the ends of what travels. */
const given = [0, 1, 7, 999, 1001, 1003, 4029, 8009, 65_537, 123_457, 86_400_001, 2_147_483_649];

/** A greeter whose calls fail with the name, or the count, as milliseconds to wait. */
function startLimited(): Promise<RunningGreeter> {
  const refused = (retryAfterMs: number): Fault => fault({ reason: "LIMITED", code: "RESOURCE_EXHAUSTED" }, "Too many.", { retryAfterMs });
  return startGreeter(
    createGreeter({
      async hello({ name }) {
        throw refused(Number(name));
      },
      count: ({ text }) => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(refused(Number(text))) }) }),
    }),
  );
}

async function faultOf(answer: Promise<unknown>): Promise<Fault> {
  try {
    await answer;
  } catch (thrown) {
    assert.ok(isFault(thrown), String(thrown));
    return thrown;
  }
  throw new Error("Expected a fault, found an answer.");
}

for (const protocol of ["grpc", "grpc-web", "connect"] as const) {
  for (const encoding of ["proto", "json"] as const) {
    test(`retryAfterMs comes over ${protocol} to the millisecond, in ${encoding}, from unary calls and streams`, async () => {
      await using greeter = await startLimited();
      const transport = createWireTransport({ url: greeter.url, protocol, encoding });
      const client = createClient(Greeter, transport);
      for (const ms of given) {
        assert.equal((await faultOf(client.hello({ name: String(ms) }))).retryAfterMs, ms);
        const stream = client.count({ text: String(ms) })[Symbol.asyncIterator]();
        assert.equal((await faultOf(stream.next())).retryAfterMs, ms);
      }
      await transport.close();
    });
  }
}

test("over REST retry-after is whole seconds, rounded up, and the body has the milliseconds", async () => {
  await using greeter = await startLimited();
  for (const ms of given) {
    const { status, headers, json } = await greeter.ask("GET", `/v1/hello/${ms}`);
    assert.deepEqual([status, headers.get("retry-after")], [429, String(Math.ceil(ms / 1000))]);
    const details = json["details"] as unknown as { readonly type: string; readonly debug: { readonly retryDelay: string } }[];
    const delay = details.find(({ type }) => type === "google.rpc.RetryInfo")?.debug.retryDelay ?? "";
    assert.equal(Math.round(Number.parseFloat(delay) * 1e6), ms * 1000, delay);
  }
});

test("clients of gRPC that retry by themselves are told by grpc-retry-pushback-ms, and it is read where it is all there is", async () => {
  await using greeter = await startLimited();
  using client = createGrpcJsGreeter(Number(new URL(greeter.url).port));
  const { trailers } = await client.hello({ name: "1001" });
  assert.deepEqual(trailers.get("grpc-retry-pushback-ms"), ["1001"]);
  const half = trailersFromFault(fault({ reason: "A", code: "UNAVAILABLE" }, "", { retryAfterMs: 0.5 }), "");
  assert.equal(metadataValue(half, "grpc-retry-pushback-ms"), "1");
  assert.equal(faultFromTrailers(half)?.retryAfterMs, 0.5);
  const pushed = (value: string): number | undefined =>
    faultFromTrailers(["grpc-status", "14", "grpc-retry-pushback-ms", value])?.retryAfterMs;
  assert.deepEqual(["25", "-1", "soon", "99999999999"].map(pushed), [25, undefined, undefined, undefined]);
});

test("a grpc-js client with a retry policy waits as long as it is told", { timeout: 20_000 }, async () => {
  const calledMs: number[] = [];
  await using greeter = await startGreeter(
    createGreeter({
      async hello(_, call) {
        calledMs.push(call.clock.monotonicMs());
        throw fault({ reason: "BUSY", code: "UNAVAILABLE" }, "Busy.", { retryAfterMs: 321 });
      },
    }),
  );
  const retryPolicy = { maxAttempts: 2, initialBackoff: "0.001s", maxBackoff: "0.001s", backoffMultiplier: 1, retryableStatusCodes: [14] };
  const config = JSON.stringify({ methodConfig: [{ name: [{}], retryPolicy }] });
  using client = createGrpcJsGreeter(Number(new URL(greeter.url).port), { "grpc.service_config": config });
  const { error } = await client.hello({ name: "ada" });
  assert.equal((error as ServiceError).code, 14);
  assert.equal(calledMs.length, 2);
  const [first = 0, second = 0] = calledMs;
  assert.ok(second - first >= 320, `${second - first} ms`);
});

test("a time to wait that is none is left out, however large, in every protocol", async () => {
  await using greeter = await startLimited();
  for (const name of ["Infinity", "NaN", "-1"]) {
    for (const protocol of ["grpc", "grpc-web", "connect"] as const) {
      const transport = createWireTransport({ url: greeter.url, protocol });
      const found = await faultOf(createClient(Greeter, transport).hello({ name }, new Call({ timeoutMs: 5000 })));
      assert.deepEqual([found.reason, found.retryAfterMs], ["LIMITED", undefined]);
      await transport.close();
    }
    const { status, headers } = await greeter.ask("GET", `/v1/hello/${name}`);
    assert.deepEqual([status, headers.get("retry-after")], [429, null]);
  }
});
