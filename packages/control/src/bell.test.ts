import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import { createBell, pulses } from "./bell.ts";

const never = new AbortController().signal;

test("a bell wakes who waits, and whoever asks for a ring that has been is not made to wait", async () => {
  const bell = createBell(createVirtualClock());
  const waiting = bell.heard(0, { timeoutMs: 1000, signal: never });
  bell.ring();
  await waiting;
  await bell.heard(0, { timeoutMs: 1000, signal: never });
  assert.equal(bell.rings, 1);
});

test("a wait ends with its time or its signal, and leaves no timer behind", async () => {
  const clock = createVirtualClock();
  const bell = createBell(clock);
  const timed = bell.heard(0, { timeoutMs: 1000, signal: never });
  await clock.advance(1000);
  await timed;
  const ending = new AbortController();
  const ended = bell.heard(0, { timeoutMs: 1000, signal: ending.signal });
  ending.abort();
  await ended;
  assert.equal(clock.pending, 0);
});

test("pulses come at once, after each change but not closer than asked, and each second", async () => {
  const clock = createVirtualClock();
  const bell = createBell(clock);
  const ending = new AbortController();
  const atMs: number[] = [];
  const running = (async () => {
    for await (const _ of pulses({ bell, clock, signal: ending.signal, everyMs: 1000, togetherMs: 50 })) atMs.push(clock.monotonicMs());
  })();
  await clock.advance(500);
  for (let index = 0; index < 10; index++) {
    bell.ring();
    await clock.advance(10);
  }
  await clock.advance(2000);
  ending.abort();
  await running;
  assert.deepEqual(atMs, [0, 500, 550, 600, 1600, 2600]);
});
