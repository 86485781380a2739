import assert from "node:assert/strict";
import { test } from "node:test";
import { coreTimesFromStat, cpuMsFromStat, cpuMsOf, residentBytesOf } from "./proc.ts";

const isLinux = process.platform === "linux" ? false : "reads /proc: runs on Linux";

test("user and system time are read past a command with spaces and parentheses", () => {
  assert.equal(cpuMsFromStat("42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0"), 1750);
});

test("a core's times are split into busy, interrupts and steal", () => {
  const stat = "cpu  1 1 1\ncpu0 10 1 5 100 4 2 3 7 0 0\ncpu1 1 0 0 0 0 0 0 0\n";
  assert.deepEqual(coreTimesFromStat(stat, 0), { busyMs: 160, interruptMs: 50, stealMs: 70, totalMs: 1320 });
  assert.throws(() => coreTimesFromStat(stat, 9), /expected a core 9/);
});

test("the CPU time of a process that works grows by what it worked", { skip: isLinux }, () => {
  const before = cpuMsOf(process.pid);
  const usedBefore = process.cpuUsage();
  while (cpuMsOf(process.pid) - before < 100) void Math.sqrt(2);
  const used = process.cpuUsage(usedBefore);
  const usedMs = (used.user + used.system) / 1000;
  assert.ok(usedMs > 60 && usedMs < 200, `expected about 100 ms, the process says ${usedMs}`);
  assert.ok(residentBytesOf(process.pid) > 10_000_000);
});
