import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "@weir/kit/call";
import { fault } from "@weir/kit/fault";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import type { LostStream } from "./watch.ts";
import { backoffMs, watch } from "./watch.ts";

const unavailable = { reason: "PEER_UNREACHABLE", code: "UNAVAILABLE" } as const;

/** A stream that says its messages and then hangs until its call ends. */
async function* saying(messages: readonly string[], call: Call): AsyncGenerator<string> {
  yield* messages;
  await new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason as Error), { once: true }));
}

async function* failing(code: "UNAVAILABLE" | "UNAUTHENTICATED" = "UNAVAILABLE"): AsyncGenerator<string> {
  yield* [];
  throw fault({ ...unavailable, code }, "no");
}

test("backoff doubles from half a second to five and is shorter by chance", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 9].map((attempt) => backoffMs(attempt, 0)),
    [500, 1000, 2000, 4000, 5000, 5000],
  );
  assert.equal(backoffMs(1, 1), 400);
});

test("watch opens the stream again with backoff, and from the start once it has heard something", async () => {
  const clock = createVirtualClock();
  const controller = new AbortController();
  const heard: string[] = [];
  const lost: LostStream[] = [];
  const streams = [
    () => failing(),
    () => failing(),
    (call: Call) => saying(["a"], call),
    () => failing(),
    (call: Call) => saying(["b"], call),
  ];
  const watching = watch(
    {
      clock,
      open: (call) => (streams.shift() ?? ((given: Call) => saying([], given)))(call),
      onMessage: (message) => heard.push(message),
      onLost: (one) => lost.push(one),
    },
    controller.signal,
  );
  await clock.advance(12_000);
  assert.deepEqual(heard, ["a", "b"]);
  assert.deepEqual(
    lost.map((one) => one.attempt),
    [1, 2, 1, 2],
  );
  assert.equal(lost[2]?.fault.reason, "STREAM_SILENT");
  controller.abort();
  await clock.advance(0);
  await watching;
  assert.equal(clock.pending, 0);
});

test("watch counts a stream without messages for eight seconds as lost", async () => {
  const clock = createVirtualClock();
  const controller = new AbortController();
  const lost: string[] = [];
  const watching = watch(
    { clock, open: (call) => saying([], call), onMessage: () => undefined, onLost: (one) => lost.push(one.fault.reason) },
    controller.signal,
  );
  await clock.advance(7999);
  assert.deepEqual(lost, []);
  await clock.advance(1);
  assert.deepEqual(lost, ["STREAM_SILENT"]);
  controller.abort();
  await clock.advance(0);
  await watching;
});

test("watch gives up when no retry will help", async () => {
  const lost: LostStream[] = [];
  const options = { open: () => failing("UNAUTHENTICATED"), onMessage: () => undefined, onLost: (one: LostStream) => lost.push(one) };
  await assert.rejects(watch(options, new AbortController().signal), { code: "UNAUTHENTICATED" });
  assert.equal(lost.length, 0);
});

test("watch ends the stream's call when it is told to stop", async () => {
  const controller = new AbortController();
  let opened: Call | undefined;
  const options = {
    open: (call: Call) => saying(["a"], (opened = call)),
    onMessage: () => controller.abort(),
    onLost: () => assert.fail("not lost"),
  };
  await watch(options, controller.signal);
  assert.equal(opened?.signal.aborted, true);
});
