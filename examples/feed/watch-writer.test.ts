import assert from "node:assert/strict";
import { test } from "node:test";
import { createAdminPages } from "@weir/kit/app/admin-pages";
import { Call } from "@weir/kit/call";
import type { Fault } from "@weir/kit/fault";
import { fault, isFault } from "@weir/kit/fault";
import { createFlows } from "@weir/kit/flow/flows";
import { createMetrics } from "@weir/kit/telemetry/metrics";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import { openTestWatches } from "./testdata/test-feed.ts";
import { createWatchWriter } from "./watch-writer.ts";
import type { RecordedWatch, Watch } from "./watches.ts";

const reasonOf = (thrown: unknown): string => (isFault(thrown) ? thrown.reason : String(thrown));
const watchOf = (number: number): Watch => ({ userId: `u${number % 7}`, filmId: "alien-1979", watchId: `w${number}` });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A writer over a database that may be slow, or broken. */
async function stage() {
  const clock = createVirtualClock();
  const metrics = createMetrics();
  const watches = await openTestWatches(clock);
  const database = { gate: Promise.resolve(), broken: false, batches: [] as number[] };
  const recordAll = async (batch: readonly Watch[]): Promise<(RecordedWatch | Fault)[]> => {
    database.batches.push(batch.length);
    await database.gate;
    if (database.broken) throw fault({ reason: "DISK_FULL", code: "UNAVAILABLE" }, "no room");
    return await watches.recordAll(batch);
  };
  const writer = createWatchWriter({ watches: { recordAll }, flows: createFlows({ metrics, admin: createAdminPages(), clock }) });
  return { writer, watches, database, metrics };
}

test("watches that come while the database is slow are written together, beyond the bound they are shed at once, and none is lost", async () => {
  const { writer, watches, database, metrics } = await stage();
  const gate = Promise.withResolvers<void>();
  database.gate = gate.promise;
  const shed: number[] = [];
  let recorded = 0;
  const asked = Array.from({ length: 400 }, (_, number) =>
    writer.record(watchOf(number), new Call()).then(
      () => (recorded += 1),
      (thrown: unknown) => {
        assert.equal(reasonOf(thrown), "WATCHES_WAITING_TOO_MANY");
        assert.equal((thrown as Fault).retryAfterMs, 1000);
        shed.push(number);
      },
    ),
  );
  await turn();
  assert.deepEqual([shed.length, recorded], [400 - 257, 0], "one is being written, 256 wait, the others know");
  assert.match(metrics.text(), /^weir_channel_waiting\{channel="watches"\} (193|256)$/m);
  gate.resolve();
  await Promise.all(asked);
  assert.equal(recorded, 257);
  assert.ok(database.batches.length <= 6 && Math.max(...database.batches) === 64, database.batches.join());
  const kept = await Promise.all(Array.from({ length: 7 }, (_, user) => watches.of(`u${user}`)));
  assert.ok(kept.every((films) => films.length === 1));
  for (const number of [0, 1, 256]) assert.equal((await writer.record(watchOf(number), new Call())).repeated, true, `${number} is on disk`);
  assert.equal((await writer.record(watchOf(399), new Call())).repeated, false, "what was shed was not recorded");
});

test("one that is refused, given up or failed does not keep the others from being written", async () => {
  const { writer, database } = await stage();
  await writer.record({ userId: "u1", filmId: "alien-1979", watchId: "taken" }, new Call());
  const gate = Promise.withResolvers<void>();
  database.gate = gate.promise;
  const first = writer.record(watchOf(0), new Call());
  await turn();
  const gone = new Call();
  const all = [
    writer.record({ userId: "u1", filmId: "leon-1994", watchId: "taken" }, new Call()),
    writer.record(watchOf(1), gone),
    writer.record(watchOf(2), new Call()),
  ];
  gone.cancel();
  gate.resolve();
  const ends = await Promise.allSettled([first, ...all]);
  assert.deepEqual(
    ends.map((end) => (end.status === "fulfilled" ? end.value.number : reasonOf(end.reason))),
    [1, "WATCH_ID_TAKEN", "CALL_CANCELLED", 1],
  );
  database.broken = true;
  await assert.rejects(writer.record(watchOf(3), new Call()), (thrown) => reasonOf(thrown) === "DISK_FULL");
  database.broken = false;
  assert.equal((await writer.record(watchOf(1), new Call())).repeated, false, "whoever gave up was not recorded");
});

test("what waits is written before the writer ends, and nothing after", async () => {
  const { writer } = await stage();
  const asked = Array.from({ length: 100 }, (_, number) => writer.record(watchOf(number), new Call()));
  await writer.close();
  assert.equal((await Promise.all(asked)).length, 100);
  await assert.rejects(writer.record(watchOf(100), new Call()));
});
