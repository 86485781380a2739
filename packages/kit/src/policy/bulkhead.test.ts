import assert from "node:assert/strict";
import { test } from "node:test";
import { fault } from "../fault.ts";
import type { Message } from "../service.ts";
import { layered } from "../service.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import type { BulkheadOptions } from "./bulkhead.ts";
import { createBulkhead } from "./bulkhead.ts";
import type { Lane } from "./lane.ts";
import { away, callOf, faultOf } from "./testing/scripted-server.ts";

test("planted fault, a queue at its bound: a bulkhead keeps its bounds, lets the urgent go first, and whoever gives up leaves its place", async () => {
  const clock = createVirtualClock();
  const begun: string[] = [];
  const bulkhead = createBulkhead<string>(
    { concurrencyMax: 2, queueMax: 3 },
    { clock, laneOf: (request) => request.split(" ")[0] as "urgent" | "bulk" },
  );
  const held = (): unknown => {
    const { underWay, waiting } = bulkhead.state();
    return { underWay, waiting };
  };
  const guarded = layered<string, string>(
    async (request) => {
      begun.push(request);
      await clock.sleep(100);
      return request;
    },
    [bulkhead.layer],
  );
  const answers = ["bulk 1", "bulk 2", "bulk 3", "bulk 4", "bulk 5"].map((request) => guarded(request, callOf(clock)));
  await clock.advance(0);
  assert.deepEqual(held(), { underWay: 2, waiting: { urgent: 0, normal: 0, bulk: 3 } });
  await assert.rejects(guarded("bulk 6", callOf(clock)), faultOf("BULKHEAD_FULL"));
  const displaced = assert.rejects(answers[4]!, faultOf("BULKHEAD_FULL"));
  const urgent = guarded("urgent 1", callOf(clock));
  await displaced;
  const impatient = callOf(clock, 50);
  const leaving = assert.rejects(guarded("urgent 2", impatient), faultOf("DEADLINE_EXCEEDED"));
  await assert.rejects(answers[3]!, faultOf("BULKHEAD_FULL"));
  await clock.advance(50);
  await leaving;
  await clock.advance(300);
  assert.equal(await urgent, "urgent 1");
  assert.deepEqual(begun, ["bulk 1", "bulk 2", "urgent 1", "bulk 3"]);
  assert.deepEqual(held(), { underWay: 0, waiting: { urgent: 0, normal: 0, bulk: 0 } });
});

interface Bulk {
  readonly clock: VirtualClock;
  readonly begun: string[];
  readonly policy: ReturnType<typeof createBulkhead<string>>;
  ask(request: string): Promise<string>;
}

/** A service of a hundred milliseconds behind a bulkhead; requests are "lane caller number". */
function startBulkhead(options: BulkheadOptions, metrics?: Metrics): Bulk {
  const clock = createVirtualClock();
  const begun: string[] = [];
  const policy = createBulkhead<string>(options, {
    clock,
    ...(metrics && { metrics }),
    laneOf: (request) => request.split(" ")[0] as Lane,
    callerOf: (request) => request.split(" ")[1] ?? "",
  });
  const serve = layered<string, string>(
    async (request) => {
      begun.push(request);
      await clock.sleep(100);
      return request;
    },
    [policy.layer],
  );
  return { clock, begun, policy, ask: (request) => serve(request, callOf(clock)) };
}

const ignored = (answer: Promise<unknown>): void => void answer.catch(() => undefined);

test("planted fault, a noisy neighbour: within a lane callers take turns, however much one of them asks", async () => {
  const { clock, begun, ask } = startBulkhead({ concurrencyMax: 1, queueMax: 200 });
  for (let number = 0; number < 100; number++) ignored(ask(`normal noisy ${number}`));
  for (const quiet of ["one", "two"]) for (let number = 0; number < 2; number++) ignored(ask(`normal ${quiet} ${number}`));
  await clock.advance(800);
  assert.deepEqual(
    begun.slice(0, 8).map((request) => request.split(" ")[1]),
    ["noisy", "noisy", "one", "two", "noisy", "one", "two", "noisy"],
  );
});

test("planted fault, a queue at its bound: who has most waiting pays for it, not who comes next", async () => {
  const { clock, begun, ask, policy } = startBulkhead({ concurrencyMax: 1, queueMax: 10 });
  const noisy = Array.from({ length: 11 }, (_, number) => ask(`normal noisy ${number}`));
  for (const answer of noisy) ignored(answer);
  const quiet = ask("normal quiet 0");
  await assert.rejects(noisy[10]!, faultOf("BULKHEAD_FULL"));
  await assert.rejects(ask("normal noisy 11"), faultOf("BULKHEAD_FULL"));
  await assert.rejects(ask("bulk quiet 1"), faultOf("BULKHEAD_FULL"));
  await clock.advance(300);
  assert.equal(await quiet, "normal quiet 0");
  assert.equal(begun[2], "normal quiet 0");
  assert.deepEqual(policy.state().refused, { urgent: 0, normal: 2, bulk: 1 });
});

test("planted fault, bulk work that holds every place: some are kept from it, and a caller never holds them all", async () => {
  const { clock, begun, ask, policy } = startBulkhead({ concurrencyMax: 4, queueMax: 100, bulkMax: 2, perCallerMax: 3 });
  for (let number = 0; number < 10; number++) ignored(ask(`bulk batch ${number}`));
  await clock.advance(0);
  assert.deepEqual(policy.state().underWayByLane, { urgent: 0, normal: 0, bulk: 2 });
  const urgent = ask("urgent user 0");
  await clock.advance(100);
  assert.equal(await urgent, "urgent user 0");
  assert.deepEqual(begun.slice(0, 3), ["bulk batch 0", "bulk batch 1", "urgent user 0"]);
  for (let number = 0; number < 10; number++) ignored(ask(`normal noisy ${number}`));
  await clock.advance(0);
  assert.equal(policy.state().underWay, 4);
  await clock.advance(10_000);
  assert.equal(begun.length, 21, "all get their turn");
  assert.equal(policy.state().underWay, 0);
  for (let number = 0; number < 10; number++) ignored(ask(`normal noisy ${number}`));
  await clock.advance(0);
  assert.deepEqual(policy.state().underWayByLane.normal, 3);
  await clock.advance(10_000);
});

test("nobody waits longer than it is told, and more places begin those that wait at once", async () => {
  const { clock, begun, ask, policy } = startBulkhead({ concurrencyMax: 1, queueMax: 10, waitMsMax: 50 });
  ignored(ask("normal a 0"));
  const late = assert.rejects(ask("normal a 1"), faultOf("BULKHEAD_FULL"));
  await clock.advance(50);
  await late;
  for (let number = 2; number < 8; number++) ignored(ask(`normal a ${number}`));
  await clock.advance(0);
  policy.apply({ concurrencyMax: 4, queueMax: 1 });
  await clock.advance(0);
  assert.equal(begun.length, 4);
  assert.deepEqual(policy.state().waiting, { urgent: 0, normal: 1, bulk: 0 });
  await clock.advance(200);
  assert.deepEqual([policy.state().underWay, clock.pending], [0, 0]);
});

test("a stream holds its place until it has been read, has failed or was left", async () => {
  const clock = createVirtualClock();
  const policy = createBulkhead({ concurrencyMax: 3 });
  const serve = layered<string, Message<string>>(
    async (request) => ({
      stream: true,
      messages: (async function* (): AsyncGenerator<string> {
        yield "one";
        if (request === "fails") throw fault(away, "");
        yield "two";
      })(),
    }),
    [policy.layer],
  );
  const open = async (request: string, call = callOf(clock)): Promise<AsyncIterable<string>> => {
    const answer = await serve(request, call);
    assert.ok(answer.stream);
    return answer.messages;
  };
  const [read, failing] = [await open("x"), await open("fails")];
  const ended = callOf(clock);
  await open("x", ended);
  assert.equal(policy.state().underWay, 3);
  await assert.rejects(open("x"), faultOf("BULKHEAD_FULL"));
  const found: string[] = [];
  for await (const message of read) found.push(message);
  assert.deepEqual([found, policy.state().underWay], [["one", "two"], 2]);
  await assert.rejects(async () => {
    for await (const _ of failing);
  }, faultOf("AWAY"));
  assert.equal(policy.state().underWay, 1);
  ended.cancel();
  assert.equal(policy.state().underWay, 0);
  for await (const _ of await open("x")) break;
  assert.equal(policy.state().underWay, 0);
});

test("what lanes hold and callers cost is shown, of many callers the first fifty by name", async () => {
  const metrics = createMetrics();
  const { clock, ask, policy } = startBulkhead({ concurrencyMax: 2, queueMax: 1000 }, metrics);
  for (let number = 0; number < 4; number++) ignored(ask("bulk greedy 0"));
  ignored(ask("urgent modest 0"));
  await clock.advance(50);
  const text = metrics.text();
  for (const line of [
    'weir_bulkhead_in_flight{policy="default",lane="bulk"} 2',
    'weir_bulkhead_waiting{policy="default",lane="bulk"} 2',
    'weir_bulkhead_waiting{policy="default",lane="urgent"} 1',
  ])
    assert.ok(text.includes(`${line}\n`), line);
  assert.equal(policy.state().waitedMs, 50);
  await clock.advance(1000);
  const [greedy, modest] = policy.state().callers;
  assert.deepEqual([greedy?.caller, greedy?.calls, modest?.caller, modest?.calls], ["greedy", 4, "modest", 1]);
  assert.ok(Math.abs((greedy?.seconds ?? 0) - 0.4) < 1e-9);
  for (let number = 0; number < 100; number++) ignored(ask(`normal c${number} 0`));
  await clock.advance(10_000);
  const shown = metrics.text().match(/^weir_caller_calls_total/gm) ?? [];
  assert.ok(shown.length <= 51, `${shown.length} callers have series`);
  assert.match(metrics.text(), /weir_caller_calls_total\{policy="default",caller="other"\} 52\n/);
});
