import assert from "node:assert/strict";
import { test } from "node:test";
import { latencyFault } from "./latency.ts";
import type { Turn } from "./verdict.ts";

const calm: Turn = {
  name: "a",
  requests: 1000,
  failures: 0,
  durationMs: 1000,
  cpuMs: 700,
  othersMs: 0,
  othersMsAtLoad: 0,
  stealMs: 0,
  loadMs: 1000,
  latencyMsP99: 2,
  due: 1000,
};

test("a turn at a rate counts when its rate was kept, though its core was idle for a while", () => {
  assert.equal(latencyFault(calm), undefined);
});

test("a turn at a rate that was not kept does not count", () => {
  assert.equal(latencyFault({ ...calm, requests: 970 }), "970 of 1000 calls were made");
});

test("a turn at a rate with failures, or beside others, does not count", () => {
  assert.match(latencyFault({ ...calm, failures: 1 }) ?? "", /^1 answers/);
  assert.match(latencyFault({ ...calm, othersMs: 100 }) ?? "", /other processes took 10 %/);
});
