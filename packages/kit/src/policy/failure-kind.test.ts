import assert from "node:assert/strict";
import { test } from "node:test";
import { coreReasons, fault } from "../fault.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { failureKind } from "./failure-kind.ts";
import { policyReasons } from "./reasons.ts";
import { refusal } from "./refusal.ts";
import { away, callOf } from "./testing/scripted-server.ts";

test("a failure is the caller's, the server's, an overload or this side's own", () => {
  const clock = createVirtualClock();
  const kinds = (
    ["UNAVAILABLE", "INTERNAL", "UNKNOWN", "DATA_LOSS", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "NOT_FOUND", "CANCELLED"] as const
  ).map((code) => failureKind(fault({ reason: "X", code }, ""), callOf(clock)));
  assert.deepEqual(kinds, ["server", "server", "server", "server", "server", "overload", "caller", "caller"]);
  const ended = callOf(clock);
  ended.cancel();
  assert.equal(failureKind(fault(away, ""), ended), "caller");
  assert.equal(failureKind(fault(coreReasons.DEADLINE_EXCEEDED, ""), callOf(clock, 0)), "caller");
  assert.equal(failureKind(refusal({ reason: "BREAKER_OPEN", code: "UNAVAILABLE" }, ""), callOf(clock)), "local");
});

test("what another process refused by a policy of its own is its answer", () => {
  const clock = createVirtualClock();
  const kindOf = (reason: keyof typeof policyReasons): string => failureKind(fault(policyReasons[reason], ""), callOf(clock));
  assert.deepEqual(
    [kindOf("BREAKER_OPEN"), kindOf("BULKHEAD_FULL"), kindOf("RATE_LIMITED"), kindOf("LOAD_SHED")],
    ["server", "overload", "overload", "overload"],
  );
});
