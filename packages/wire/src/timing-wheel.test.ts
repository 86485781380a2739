import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "./testing/virtual-clock.ts";
import { TimingWheel, type WheelEntry } from "./timing-wheel.ts";

const lateMsMax = 25;

function entryAt(clock: VirtualClock): WheelEntry & { firedMs: number } {
  return {
    deadlineMs: Infinity,
    lookMs: Infinity,
    firedMs: -1,
    expire() {
      this.firedMs = clock.monotonicMs();
    },
  };
}

test("timing wheel fires never early and at most 25 ms late, for near and far deadlines", () => {
  const clock = new VirtualClock();
  const wheel = new TimingWheel(clock);
  const startMs = clock.monotonicMs();
  const waits = [0, 1, 24, 25, 26, 100, 999, 12_774, 12_775, 12_800, 40_000, 300_001];
  const entries = waits.map((waitMs) => {
    const entry = entryAt(clock);
    wheel.set(entry, startMs + waitMs);
    return { entry, waitMs };
  });
  clock.advance(301_000);
  for (const { entry, waitMs } of entries) {
    const lateMs = entry.firedMs - startMs - waitMs;
    assert.ok(entry.firedMs >= 0 && lateMs >= 0 && lateMs <= lateMsMax, `expected ${waitMs} ms to fire in time, found ${lateMs} ms late`);
  }
});

test("timing wheel follows a deadline that moves earlier, later and away", () => {
  const clock = new VirtualClock();
  const wheel = new TimingWheel(clock);
  const entry = entryAt(clock);
  const startMs = clock.monotonicMs();
  wheel.set(entry, startMs + 10_000);
  wheel.set(entry, startMs + 500);
  clock.advance(400);
  wheel.set(entry, startMs + 2000);
  clock.advance(1590);
  assert.equal(entry.firedMs, -1);
  clock.advance(10 + lateMsMax);
  assert.ok(entry.firedMs >= startMs + 2000);
  entry.firedMs = -1;
  wheel.set(entry, clock.monotonicMs() + 100);
  wheel.set(entry, Infinity);
  clock.advance(100_000);
  assert.equal(entry.firedMs, -1);
});

test("timing wheel fires each entry once, though it stood in several places", () => {
  const clock = new VirtualClock();
  const wheel = new TimingWheel(clock);
  let fired = 0;
  const entry: WheelEntry = { deadlineMs: Infinity, lookMs: Infinity, expire: () => void (fired += 1) };
  for (let waitMs = 5000; waitMs > 0; waitMs -= 500) wheel.set(entry, clock.monotonicMs() + waitMs);
  clock.advance(60_000);
  assert.equal(fired, 1);
});

test("timing wheel catches up after the clock stood still for longer than it is round", () => {
  const clock = new VirtualClock();
  const late: { atMs: number; action: () => void }[] = [];
  let nowMs = 0;
  const wheel = new TimingWheel({
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (durationMs, action) => {
      late.push({ atMs: nowMs + durationMs, action });
      return () => undefined;
    },
  });
  const entries = [100, 5000, 13_000].map((waitMs) => {
    const entry = entryAt(clock);
    wheel.set(entry, waitMs);
    return entry;
  });
  nowMs = 60_000;
  for (let turns = 0; turns < 3; turns += 1) {
    late.shift()?.action();
    nowMs += 25;
  }
  for (const entry of entries) assert.notEqual(entry.firedMs, -1);
});
