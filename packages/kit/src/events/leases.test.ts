import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import type { Database } from "../store/database.ts";
import { openDatabase } from "../store/database.ts";
import { migrate } from "../store/migrate.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import type { LeaseTables } from "./leases.ts";
import { Leases } from "./leases.ts";
import { outboxMigrations } from "./outbox.ts";

const leaseMs = 1000;
const isLost = (error: unknown): boolean => isFault(error) && error.reason === "LEASE_LOST";

async function stage(t: { after(action: () => Promise<void>): void }) {
  const database: Database<LeaseTables> = await openDatabase({ url: "sqlite::memory:" });
  t.after(() => database.close());
  await migrate(database, outboxMigrations);
  // Clocks of two machines, which differ.
  const clocks = { first: createVirtualClock({ startMs: 5_000_000 }), second: createVirtualClock({ startMs: 9_000_000 }) };
  const first = new Leases({ database, owner: "first", leaseMs, clock: clocks.first });
  const second = new Leases({ database, owner: "second", leaseMs, clock: clocks.second });
  const fence = (leases: Leases): Promise<void> => database.transaction((transaction) => leases.fence(transaction, "a/1"));
  const take = async (leases: Leases): Promise<boolean> =>
    leases.take(
      "a/1",
      (await leases.look("a/")).find(({ name }) => name === "a/1"),
    );
  return { clocks, first, second, fence, take };
}

test("a lease is one owner's at a time, until it is given back", async (t) => {
  const { first, second, fence, take } = await stage(t);
  assert.deepEqual(await Promise.all([first.take("a/1", undefined), second.take("a/1", undefined)]), [true, false]);
  assert.equal(await take(second), false);
  assert.deepEqual([first.holds("a/1"), second.holds("a/1")], [true, false]);
  await fence(first);
  await assert.rejects(fence(second), isLost);
  await first.release("a/1");
  assert.equal(await take(second), true);
  await assert.rejects(fence(first), isLost);
});

test("an owner that stands still is taken over by who has watched it for a lease, and hears of it", async (t) => {
  const { clocks, first, second, fence, take } = await stage(t);
  assert.equal(await take(first), true);
  assert.equal(await take(second), false);
  await clocks.second.advance(leaseMs - 1);
  assert.equal(await take(second), false);
  await first.renew();
  assert.equal(await take(second), false, "it has moved");
  await clocks.second.advance(leaseMs - 1);
  assert.equal(await take(second), false);
  await clocks.second.advance(1);
  assert.equal(await take(second), true);
  assert.equal(first.holds("a/1"), true, "it has not heard yet");
  await assert.rejects(fence(first), isLost);
  assert.equal(first.holds("a/1"), false);
  assert.deepEqual(await second.renew(), []);
});

test("an owner that could not renew for a lease does not act any more, and is told what it lost", async (t) => {
  const { clocks, first, second, take } = await stage(t);
  assert.equal(await take(first), true);
  await take(second);
  await clocks.first.advance(leaseMs);
  assert.equal(first.holds("a/1"), false);
  assert.deepEqual(await first.renew(), [], "nobody has taken it");
  assert.equal(first.holds("a/1"), true);
  await take(second);
  await clocks.second.advance(leaseMs);
  assert.equal(await take(second), true);
  assert.deepEqual(await first.renew(), ["a/1"]);
});
