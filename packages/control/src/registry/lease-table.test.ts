import assert from "node:assert/strict";
import { test } from "node:test";
import { createLeaseTable } from "./lease-table.ts";

const options = { leaseMs: 1500, heartbeatMs: 500, lookEveryMs: 100 };

/** Looks every 100 ms from `fromMs` on, and answers when each id was first found expired. */
function expiries(table: ReturnType<typeof createLeaseTable>, span: { fromMs: number; toMs: number }): Map<string, number> {
  const found = new Map<string, number>();
  for (let nowMs = span.fromMs; nowMs <= span.toMs; nowMs += options.lookEveryMs) {
    for (const id of table.expired(nowMs)) if (!found.has(id)) found.set(id, nowMs);
  }
  return found;
}

test("a lease runs out 1.5 s after the last heartbeat, and one that is renewed does not", () => {
  const table = createLeaseTable(options);
  table.renew("a", 0);
  table.renew("b", 0);
  expiries(table, { fromMs: 0, toMs: 400 });
  table.renew("b", 450);
  assert.deepEqual([...expiries(table, { fromMs: 500, toMs: 1900 })], [["a", 1500]]);
  assert.equal(table.holds("a", 1499), true);
  assert.equal(table.holds("a", 1500), false);
  assert.equal(table.holds("b", 1949), true);
});

test("an instance that dies is found within 2 seconds, wherever in its beat it dies", () => {
  for (let offsetMs = 0; offsetMs < 100; offsetMs += 7) {
    const table = createLeaseTable(options);
    table.renew("a", offsetMs);
    const foundAtMs = expiries(table, { fromMs: 0, toMs: 3000 }).get("a") ?? Infinity;
    assert.ok(foundAtMs - offsetMs <= 1600, `found after ${foundAtMs - offsetMs} ms`);
  }
});

test("a control that stood still does not hold it against the instances", () => {
  const table = createLeaseTable(options);
  table.renew("a", 0);
  table.expired(1000);
  assert.deepEqual(table.expired(61_000), []);
  assert.deepEqual(expiries(table, { fromMs: 61_100, toMs: 63_000 }), new Map([["a", 61_400]]));
});

test("an ended lease is gone and is not found expired", () => {
  const table = createLeaseTable(options);
  table.renew("a", 0);
  table.end("a");
  assert.equal(table.size, 0);
  assert.deepEqual(table.expired(5000), []);
  assert.equal(table.holds("a", 10), false);
});

test("the lag is how far the tardiest heartbeat is behind", () => {
  const table = createLeaseTable(options);
  table.renew("a", 0);
  table.renew("b", 600);
  assert.equal(table.lagMs(400), 0);
  assert.equal(table.lagMs(900), 400);
});
