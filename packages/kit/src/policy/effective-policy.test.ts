import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { effectivePolicy } from "./effective-policy.ts";
import type { PolicyDrafts } from "./method-policy.ts";
import { draftFaults, policiesFrom, policyFaults, policyKeys } from "./policy-keys.ts";

const page = { path: "/shop.Cart/Get", kind: "unary" } as const;

test("a method of which nobody says anything has defaults that are all within their limits", () => {
  const { policy, values } = effectivePolicy(page, []);
  assert.deepEqual(
    [policy.client.timeoutMs, policy.client.attemptTimeoutMs, policy.client.retry.attemptsMax, policy.client.breaker.kind],
    [30_000, 10_000, 3, "adaptive"],
  );
  assert.deepEqual([policy.client.retry.budgetRatio, policy.client.hedge.delayMs, policy.server.lane], [0.1, 0, "normal"]);
  assert.deepEqual(policyFaults(policy, ""), []);
  assert.deepEqual(Object.keys(values).toSorted(), Object.keys(policyKeys).toSorted());
  assert.deepEqual(new Set(Object.values(values).map(({ from }) => from)), new Set(["default"]));
});

test("a stream of answers has no time by default, nor has its beginning", () => {
  const timesOf = (kind: "server_stream" | "client_stream"): number[] => {
    const { client } = effectivePolicy({ ...page, kind }, []).policy;
    return [client.timeoutMs, client.attemptTimeoutMs];
  };
  assert.deepEqual(timesOf("server_stream"), [0, 0]);
  assert.deepEqual(timesOf("client_stream"), [30_000, 0]);
});

test("the closer word wins, value by value: contract, code, configuration; everything, service, method", () => {
  const method = { ...page, timeoutMs: 800, retries: 1, critical: true, policy: { client: { bulkhead: { queueMax: 7 } } } };
  const code: PolicyDrafts = { "shop.Cart": { client: { timeoutMs: 500, bulkhead: { concurrencyMax: 3 } } } };
  const configuration: PolicyDrafts = {
    "*": { client: { bulkhead: { concurrencyMax: 5 } }, server: { rate: { perSecond: 50 } } },
    "/shop.Cart/Get": { client: { retry: { attemptsMax: 4 } } },
    "shop.Other": { client: { timeoutMs: 1 } },
  };
  const { policy, values } = effectivePolicy(method, [
    { from: "code", drafts: code },
    { from: "configuration", drafts: configuration },
  ]);
  assert.deepEqual(policy.client.bulkhead, { concurrencyMax: 5, queueMax: 7, waitMsMax: 1000 });
  assert.deepEqual([policy.client.timeoutMs, policy.client.retry.attemptsMax, policy.server.lane], [500, 4, "urgent"]);
  assert.deepEqual(
    ["client.timeoutMs", "client.bulkhead.concurrencyMax", "client.bulkhead.queueMax", "client.retry.attemptsMax", "server.rate.burst"].map(
      (path) => values[path]?.from,
    ),
    ['code "shop.Cart"', 'configuration "*"', "contract", 'configuration "/shop.Cart/Get"', "default"],
  );
});

test("each bad value is told with its place, what was expected and what was found", () => {
  const found = draftFaults({
    "*": { client: { timeoutMs: -1, breaker: { kind: "clever" }, retry: { attemptsMax: 2.5, atemptsMax: 2 } }, clients: {} },
    "/shop.Cart/": {},
    "shop.Cart": { server: { rate: 5 }, client: { bulkhead: { queueMax: "10" } } },
  });
  assert.deepEqual(
    found.map(({ message }) => message),
    [
      "* client.timeoutMs: expected a number from 1 to 3600000, or 0 for none, found -1.",
      '* client.breaker.kind: expected one of "adaptive", "classic", "off", found "clever".',
      "* client.retry.attemptsMax: expected a whole number from 1 to 11, found 2.5.",
      '* client.retry: expected one of attemptsMax, backoffMsMin, backoffMsMax, budgetRatio, budgetPerSecondMin, found "atemptsMax".',
      '*: expected one of client, server, found "clients".',
      'policies: expected "*", "package.Service" or "/package.Service/Method", found "/shop.Cart/".',
      "shop.Cart server.rate: expected an object, found 5.",
      'shop.Cart client.bulkhead.queueMax: expected a whole number from 0 to 1000000, found "10".',
    ],
  );
  assert.ok(found.every((one) => isFault(one) && one.reason === "POLICY_INVALID"));
  assert.throws(() => policiesFrom({ "*": { client: { timeoutMs: NaN } } }), { reason: "POLICY_INVALID", message: /found NaN/ });
  assert.equal(draftFaults(Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`${at}`, {}]))).length, 20);
  assert.deepEqual(draftFaults(JSON.parse('{"*": {"__proto__": {"client": 1}}}')).length, 1);
});

test("values that exclude each other are refused with both", () => {
  const drafts: PolicyDrafts = { "*": { client: { retry: { backoffMsMin: 2000 } } } };
  assert.throws(() => effectivePolicy(page, [{ from: "configuration", drafts }]), {
    message: "/shop.Cart/Get client.retry.backoffMsMax: expected at least backoffMsMin, which is 2000, found 1000.",
  });
});
