import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import { fault } from "../fault.ts";
import type { Message } from "../service.ts";
import { layered } from "../service.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createAttemptTimeout } from "./attempt-timeout.ts";
import { away, callOf, faultOf, settled } from "./testing/scripted-server.ts";

test("planted fault, an abort: an attempt that takes too long is told alone: neither its neighbour nor its caller hears of it", async () => {
  const clock = createVirtualClock();
  const ends: string[] = [];
  const serve = layered<string, string>(
    (request, call) =>
      new Promise((resolve, reject) => {
        call.onEnd((reason) => {
          ends.push(`${request} ${reason.reason}`);
          reject(reason);
        });
        clock.after(request === "slow" ? 1000 : 80, () => resolve(request));
      }),
    [createAttemptTimeout({ timeoutMs: 100 }).layer],
  );
  const call = callOf(clock, 5000);
  const [slow, quick] = [serve("slow", call), serve("quick", call)];
  const late = assert.rejects(slow, faultOf("ATTEMPT_TIMEOUT"));
  await clock.advance(100);
  await late;
  assert.equal(await quick, "quick");
  assert.deepEqual([ends, call.ended], [["slow ATTEMPT_TIMEOUT"], undefined]);
  const short = callOf(clock, 50);
  const own = assert.rejects(serve("slow", short), faultOf("DEADLINE_EXCEEDED"));
  await clock.advance(50);
  await own;
});

test("an attempt that is over holds neither a timer nor its caller, and a stream is ended by its caller", async () => {
  const clock = createVirtualClock();
  const attempts: Call[] = [];
  const serve = layered<string, Message<string>>(
    async (request, call) => {
      attempts.push(call);
      call.onEnd(() => undefined);
      if (request === "fails") throw fault(away, "");
      if (request === "one") return { stream: false, message: "one" };
      return { stream: true, messages: (async function* (): AsyncGenerator<string> {})() };
    },
    [createAttemptTimeout({ timeoutMs: 100 }).layer],
  );
  const caller = callOf(clock, 60_000);
  for (let calls = 0; calls < 100; calls++) {
    await serve("one", caller);
    await assert.rejects(serve("fails", caller), faultOf("AWAY"));
  }
  // The caller's, and one that all attempts share, which goes when its time is over.
  assert.equal(clock.pending, 2);
  await clock.advance(100);
  assert.equal(clock.pending, 1);
  await serve("stream", caller);
  await clock.advance(1000);
  caller.cancel();
  assert.deepEqual([attempts.at(-1)?.ended?.reason, attempts[0]?.ended], ["CALL_CANCELLED", undefined]);
});

test("an attempt sends what its caller sends, and is bounded by other options at once", async () => {
  const clock = createVirtualClock();
  const metrics = createMetrics();
  const timeout = createAttemptTimeout({ timeoutMs: 100 }, { metrics });
  const sent: string[][] = [];
  const serve = layered<string, string>(
    async (request, call) => {
      sent.push(call.metadata);
      call.replyMetadata.push("x-reply", request);
      await clock.sleep(80);
      return request;
    },
    [timeout.layer],
  );
  const caller = new Call({ clock, metadata: ["x-tenant", "a"] });
  assert.equal(await settled(clock, serve("one", caller), 10), "one");
  assert.deepEqual([sent, caller.replyMetadata], [[["x-tenant", "a"]], ["x-reply", "one"]]);
  timeout.apply({ timeoutMs: 50 });
  assert.ok(faultOf("ATTEMPT_TIMEOUT")(await settled(clock, serve("two", caller), 10)));
  assert.throws(() => timeout.apply({ timeoutMs: 0 }), faultOf("POLICY_OPTION_INVALID"));
  assert.deepEqual(timeout.state(), { timeoutMs: 50, timedOut: 1 });
  assert.match(metrics.text(), /weir_timeouts_total\{policy="default",bound="attempt"\} 1\n/);
});
