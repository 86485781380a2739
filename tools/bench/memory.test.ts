import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryTrend } from "./memory.ts";

const seconds = Array.from({ length: 300 }, (_, second) => second);

test("memory that rises while warming up and saws after that is flat", () => {
  const { growth } = memoryTrend(seconds.map((second) => (second < 25 ? 50 + second * 4 : 150) + (second % 7)));
  assert.ok(Math.abs(growth) < 0.02, `found ${growth}`);
});

test("a leak of a tenth of a percent a second is seen", () => {
  const { growth, earlyBytes, lateBytes } = memoryTrend(seconds.map((second) => 100 + second * 0.1));
  assert.ok(growth > 0.2, `found ${growth}`);
  assert.ok(lateBytes > earlyBytes);
});
