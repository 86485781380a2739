import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { coreReasons, fault } from "../fault.ts";
import type { Message, Service } from "../service.ts";
import type { Metrics } from "./metrics.ts";
import { createMetrics } from "./metrics.ts";
import { createRpcMetrics } from "./rpc-metrics.ts";

type Rpc = Service<Message<unknown>, Message<unknown>>;

const page = { service: "weir.feed.v1.Feed", method: "Page", version: "v2" };
const one: Message<unknown> = { stream: false, message: 1 };

function sample(metrics: Metrics, name: string, labels: Record<string, string>): number | undefined {
  const wanted = `${name}{${Object.entries(labels)
    .map(([key, value]) => `${key}="${value}"`)
    .join(",")}} `;
  const line = metrics
    .text()
    .split("\n")
    .find((each) => each.startsWith(wanted));
  return line === undefined ? undefined : Number(line.slice(wanted.length));
}

function counted(service: Rpc): { metrics: Metrics; call: Rpc; nowMs: (ms: number) => void; make: () => Call } {
  const metrics = createMetrics();
  let monotonicMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => monotonicMs };
  return {
    metrics,
    call: createRpcMetrics(metrics, { version: "v2" })(service),
    nowMs: (ms) => void (monotonicMs = ms),
    make: () => new Call({ method: "/weir.feed.v1.Feed/Page", clock }),
  };
}

test("rpc metrics count calls by code, with their durations", async () => {
  const failures = [fault(coreReasons.DEADLINE_EXCEEDED, "late"), new Error("odd"), undefined];
  const { metrics, call, nowMs, make } = counted(async () => {
    nowMs(300);
    const failure = failures.pop();
    if (failure) throw failure;
    return one;
  });
  for (let index = 0; index < 3; index++) {
    nowMs(0);
    await call(one, make()).catch(() => undefined);
  }
  assert.equal(sample(metrics, "weir_rpc_requests_total", { ...page, code: "OK" }), 1);
  assert.equal(sample(metrics, "weir_rpc_requests_total", { ...page, code: "INTERNAL" }), 1);
  assert.equal(sample(metrics, "weir_rpc_requests_total", { ...page, code: "DEADLINE_EXCEEDED" }), 1);
  assert.equal(sample(metrics, "weir_rpc_duration_seconds_count", page), 3);
  assert.equal(sample(metrics, "weir_rpc_duration_seconds_bucket", { ...page, le: "0.25" }), 0);
  assert.equal(sample(metrics, "weir_rpc_duration_seconds_bucket", { ...page, le: "0.5" }), 3);
  assert.equal(sample(metrics, "weir_rpc_in_flight", page), 0);
});

test("rpc metrics show what is in flight", async () => {
  const gate = Promise.withResolvers<Message<unknown>>();
  const { metrics, call, make } = counted(() => gate.promise);
  const calls = [call(one, make()), call(one, make())];
  assert.equal(sample(metrics, "weir_rpc_in_flight", page), 2);
  gate.resolve(one);
  await Promise.all(calls);
  assert.equal(sample(metrics, "weir_rpc_in_flight", page), 0);
});

test("rpc metrics follow a stream to its end, its failure, or its reader's leaving", async () => {
  async function* numbers(failAt: number): AsyncGenerator<number> {
    for (let index = 0; index < 3; index++) {
      if (index === failAt) throw fault(coreReasons.UNEXPECTED, "broke");
      yield index;
    }
  }
  const failAt = [-1, 1, -1, -1];
  const { metrics, call, make } = counted(async () => ({ stream: true, messages: numbers(failAt.shift() ?? -1) }));
  const read = async (count: number): Promise<unknown[]> => {
    const answer = await call(one, make());
    const seen: unknown[] = [];
    if (!answer.stream) return seen;
    assert.equal(sample(metrics, "weir_rpc_in_flight", page), 1);
    for await (const message of answer.messages) {
      seen.push(message);
      if (seen.length === count) break;
    }
    return seen;
  };
  assert.deepEqual(await read(10), [0, 1, 2]);
  await assert.rejects(read(10));
  assert.deepEqual(await read(1), [0]);
  const unread = await call(one, make());
  if (unread.stream) await unread.messages[Symbol.asyncIterator]().return?.();
  assert.equal(sample(metrics, "weir_rpc_requests_total", { ...page, code: "OK" }), 1);
  assert.equal(sample(metrics, "weir_rpc_requests_total", { ...page, code: "INTERNAL" }), 1);
  assert.equal(sample(metrics, "weir_rpc_requests_total", { ...page, code: "CANCELLED" }), 2);
  assert.equal(sample(metrics, "weir_rpc_in_flight", page), 0);
});

test("rpc metrics keep a bounded number of methods", async () => {
  const metrics = createMetrics();
  const call = createRpcMetrics(metrics)(async () => one);
  for (let index = 0; index < 2000; index++) await call(one, new Call({ method: `/made.Up/M${index}` }));
  assert.equal(sample(metrics, "weir_rpc_in_flight", { service: "other", method: "other", version: "" }), 0);
  assert.ok(metrics.text().split("\n").length < 20_000);
});
