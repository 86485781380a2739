import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import type { Message } from "../service.ts";
import { layered } from "../service.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { createRetry } from "./retry.ts";
import { away, callOf, faultOf, settled } from "./testing/scripted-server.ts";
import { createTotalTimeout } from "./total-timeout.ts";
import { fault } from "../fault.ts";

test("a call with all its attempts ends when its own time or its caller's is over, whichever is first", async () => {
  const clock = createVirtualClock();
  const ends: number[] = [];
  const budget = createRetryBudget({ perSecondMin: 1000 }, { clock });
  const metrics = createMetrics();
  const total = createTotalTimeout({ timeoutMs: 100 }, { metrics, name: "feed" });
  const serve = layered<string, string>(
    async (_, call) => {
      assert.ok(call.remainingMs() <= 100);
      await clock.sleep(40, call.signal);
      throw fault(away, "");
    },
    [total.layer, createRetry({ attemptsMax: 100, backoffMsMin: 0 }, { isIdempotent: () => true, budget }).layer],
  );
  for (const callerMs of [undefined, 5000, 30]) {
    const call = callOf(clock, callerMs);
    const beganMs = clock.monotonicMs();
    assert.ok(faultOf("DEADLINE_EXCEEDED")(await settled(clock, serve("x", call), 1)));
    ends.push(clock.monotonicMs() - beganMs);
    assert.equal(call.ended === undefined, callerMs !== 30, "the caller's own call goes on");
  }
  assert.deepEqual([ends, total.state()], [[100, 100, 30], { timeoutMs: 100, timedOut: 2 }]);
  assert.match(metrics.text(), /weir_timeouts_total\{policy="feed",bound="total"\} 2\n/);
});

test("a service that never settles is left, and a call that is over holds no timer", async () => {
  const clock = createVirtualClock();
  const total = createTotalTimeout({ timeoutMs: 100 });
  const hangs = layered<string, string>(() => new Promise(() => undefined), [total.layer]);
  assert.ok(faultOf("DEADLINE_EXCEEDED")(await settled(clock, hangs("x", callOf(clock)))));
  const quick = layered<string, string>(async (request) => request, [total.layer]);
  for (let calls = 0; calls < 100; calls++) await quick("x", callOf(clock));
  assert.equal(clock.pending, 0);
});

test("a stream keeps the deadline under which it began", async () => {
  const clock = createVirtualClock();
  let inner: Call | undefined;
  const serve = layered<string, Message<string>>(
    async (_, call) => {
      inner = call;
      call.onEnd(() => undefined);
      return { stream: true, messages: (async function* (): AsyncGenerator<string> {})() };
    },
    [createTotalTimeout({ timeoutMs: 100 }).layer],
  );
  await serve("x", new Call({ clock }));
  await clock.advance(100);
  assert.equal(inner?.ended?.reason, "DEADLINE_EXCEEDED");
});
