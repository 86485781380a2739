import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "@weir/kit/call";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import { createCurrent } from "./current.ts";
import type { ControlState } from "./tables.ts";
import { snapshotFrom } from "./translate/translate.ts";

function stateAt(revision: number): ControlState {
  return { epoch: "e1", revision, madeAtMs: 1, instances: [], releases: [], routes: [] };
}

test("many refreshes at once are two reads, and every newer Snapshot is told once", async () => {
  let reads = 0;
  const told: bigint[] = [];
  const clock = createVirtualClock();
  const current = await createCurrent({
    read: async () => stateAt((reads += 1)),
    translate: snapshotFrom,
    onSnapshot: ({ revision }) => void told.push(revision),
    clock,
    log: new Call().log,
  });
  await Promise.all(Array.from({ length: 20 }, () => current.refresh()));
  assert.deepEqual([reads, told], [3, [1n, 2n, 3n]]);
});

test("a state that cannot be read keeps what is there and is read again", async () => {
  const clock = createVirtualClock();
  let broken = false;
  let revision = 1;
  const told: bigint[] = [];
  const read = async (): Promise<ControlState> => {
    if (broken) throw new Error("gone");
    return stateAt(revision);
  };
  const current = await createCurrent({
    read,
    translate: snapshotFrom,
    onSnapshot: (snapshot) => void told.push(snapshot.revision),
    clock,
    log: new Call().log,
  });
  broken = true;
  revision = 2;
  await current.refresh();
  assert.equal(current.snapshot.revision, 1n);
  broken = false;
  await clock.advance(250);
  assert.equal(current.snapshot.revision, 2n);
  revision = 1;
  await current.refresh();
  assert.equal(current.snapshot.revision, 2n, "an older state of the same epoch is not taken");
});
