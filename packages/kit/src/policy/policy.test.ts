import assert from "node:assert/strict";
import { test } from "node:test";
import { createAttemptTimeout } from "./attempt-timeout.ts";
import { createBreaker } from "./breaker.ts";
import { createBulkhead } from "./bulkhead.ts";
import { createRateLimit } from "./rate-limit.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { createRetry } from "./retry.ts";
import { faultOf } from "./testing/scripted-server.ts";
import { createTotalTimeout } from "./total-timeout.ts";

test("a policy refuses options that are none", () => {
  for (const make of [
    () => createAttemptTimeout({ timeoutMs: 0 }),
    () => createTotalTimeout({ timeoutMs: Infinity }),
    () => createRetry({ attemptsMax: 0 }),
    () => createRetryBudget({ ratio: -1 }),
    () => createBulkhead({ concurrencyMax: NaN }),
    () => createRateLimit({ perSecond: 0 }),
    () => createBreaker({ factor: 0.5 }),
    () => createBreaker({ kind: "classic", failureRatioMax: 2 }),
  ])
    assert.throws(make, faultOf("POLICY_OPTION_INVALID"));
});
