import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "@weir/kit/clock";
import { fault, isFault } from "@weir/kit/fault";
import type { DatabaseKind, TestDatabase } from "../fixtures/databases.ts";
import { databaseKinds } from "../fixtures/databases.ts";
import { controlReasons } from "../reasons.ts";
import type { Store } from "../store/store.ts";
import { openStore } from "../store/store.ts";
import type { AuditBook } from "./audit.ts";
import { createAudit } from "./audit.ts";
import type { AuditWriter } from "./writer.ts";
import { createWriter } from "./writer.ts";

interface House {
  readonly store: Store;
  readonly writer: AuditWriter;
  readonly book: AuditBook;
  readonly revisions: (number | undefined)[];
  close(): Promise<void>;
}

async function openHouse(kind: DatabaseKind): Promise<House> {
  const place: TestDatabase = await kind.create();
  const store = await openStore({ databaseUrl: place.url, clock: systemClock });
  const revisions: (number | undefined)[] = [];
  const writer = createWriter({ ...store, clock: systemClock, onCommitted: async (revision) => void revisions.push(revision) });
  const book = createAudit({ ...store, writer });
  return {
    store,
    writer,
    book,
    revisions,
    async close() {
      await store.close();
      await place.drop();
    },
  };
}

/** Moves the release of one service; the note says from where to where. */
async function act(writer: AuditWriter, step: number): Promise<number> {
  return await writer.write({ actor: "ada", action: "Releases.SetWeights" }, async (write) => {
    const before = await write.transaction.selectFrom("control_releases").selectAll().where("service", "=", "feed").executeTakeFirst();
    const row = {
      service: "feed",
      stable_version: "v1",
      new_version: "v2",
      new_weight: step,
      salt: "s",
      changed_at_ms: 1,
      changed_by: "ada",
    };
    const revision = await write.revise();
    const values = { ...row, reason: `step ${step}`, revision };
    await write.transaction
      .insertInto("control_releases")
      .values(values)
      .onConflict((conflict) => conflict.column("service").doUpdateSet(values))
      .execute();
    write.note({ resource: "release/feed", from: { weight: before?.new_weight }, to: { weight: step }, reason: `step ${step}` });
    return before?.new_weight ?? -1;
  });
}

for (const kind of databaseKinds) {
  describe(`audit over ${kind.name}`, { skip: kind.skip }, () => {
    let house: House;
    before(async () => {
      house = await openHouse(kind);
    });
    after(() => house.close());

    test("an empty chain is whole", async () => {
      assert.deepEqual(await house.book.verify(), { entries: 0, broken: undefined });
    });

    test("a change and its entry are committed together, and the revision is told", async () => {
      await act(house.writer, 1);
      assert.deepEqual(house.revisions, [2]);
      const entries = await house.store.database.query.selectFrom("control_audit").selectAll().execute();
      assert.deepEqual(
        entries.map(({ sequence, actor, action, resource, from_json, to_json, outcome }) => ({
          sequence,
          actor,
          action,
          resource,
          from_json,
          to_json,
          outcome,
        })),
        [
          {
            sequence: 1,
            actor: "ada",
            action: "Releases.SetWeights",
            resource: "release/feed",
            from_json: "{}",
            to_json: '{"weight":1}',
            outcome: "done",
          },
        ],
      );
    });

    test("an act that fails leaves neither change nor entry nor revision, and runs nothing afterwards", async () => {
      const before = await house.store.readState();
      let ran = false;
      const failing = house.writer.write({ actor: "ada", action: "Releases.SetWeights" }, async (write) => {
        write.afterCommit(() => {
          ran = true;
        });
        await write.revise();
        await write.transaction.updateTable("control_releases").set({ new_weight: 77 }).execute();
        write.note({ resource: "release/feed", reason: "never" });
        throw fault(controlReasons.REASON_MISSING, "no");
      });
      await assert.rejects(failing, (error) => isFault(error) && error.reason === "REASON_MISSING");
      assert.deepEqual(await house.store.readState(), before);
      assert.equal(ran, false);
      assert.equal((await house.book.verify()).entries, 1);
      assert.equal(house.revisions.length, 1);
    });

    test("a new revision without a note is refused: nothing is done without its entry", async () => {
      const silent = house.writer.write({ actor: "ada", action: "Releases.SetWeights" }, (write) => write.revise());
      await assert.rejects(silent, (error) => isFault(error) && error.reason === "UNAUDITED");
    });

    test("a refused act is an entry with its reason as outcome, and changes no revision", async () => {
      const before = await house.store.readState();
      await house.writer.refuse(
        { actor: "vic", action: "Releases.SetWeights" },
        { resource: "release/feed", to: { a: 1 }, reason: "x", outcome: "ROLE_INSUFFICIENT" },
      );
      assert.deepEqual(await house.store.readState(), before);
      assert.deepEqual(await house.book.verify(), { entries: 2, broken: undefined });
    });

    test("100 acts at once make one line: each sees what the one before it did", async () => {
      const seen = await Promise.all(Array.from({ length: 100 }, (_, index) => act(house.writer, index + 2)));
      assert.deepEqual(
        seen.toSorted((a, b) => a - b),
        Array.from({ length: 100 }, (_, index) => index + 1),
      );
      const { entries, broken } = await house.book.verify();
      assert.deepEqual([entries, broken], [102, undefined]);
      assert.equal((await house.store.readState()).revision, 102);
    });

    test("two controls over one database: the one that started last writes, the other is refused", async () => {
      const kindUrl = house.store;
      const second = createWriter({ ...kindUrl, owner: "other", clock: systemClock, onCommitted: async () => undefined });
      await assert.rejects(act(second, 5), (error) => isFault(error) && error.reason === "CONTROL_SUPERSEDED");
    });

    test("a tampered field, a deleted entry and a cut end are found in the database and named", async () => {
      const { query } = house.store.database;
      const row = await query.selectFrom("control_audit").selectAll().where("sequence", "=", 40).executeTakeFirstOrThrow();
      await query.updateTable("control_audit").set({ reason: "rewritten" }).where("sequence", "=", 40).execute();
      assert.equal((await house.book.verify()).broken?.sequence, 40);
      await query.updateTable("control_audit").set({ reason: row.reason }).where("sequence", "=", 40).execute();
      assert.equal((await house.book.verify()).broken, undefined);

      await query.deleteFrom("control_audit").where("sequence", "=", 40).execute();
      assert.equal((await house.book.verify()).broken?.sequence, 40);
      await query
        .insertInto("control_audit")
        .values({ ...row, sequence: 0 })
        .execute();
      assert.equal((await house.book.verify()).broken?.sequence, 1);
      await query.deleteFrom("control_audit").where("sequence", "=", 0).execute();
      await query.insertInto("control_audit").values(row).execute();

      const last = await query.selectFrom("control_audit").selectAll().where("sequence", "=", 102).executeTakeFirstOrThrow();
      await query
        .insertInto("control_audit")
        .values({ ...last, sequence: 103 })
        .execute();
      assert.equal((await house.book.verify()).broken?.sequence, 103);
      await query.deleteFrom("control_audit").where("sequence", ">=", 102).execute();
      assert.equal((await house.book.verify()).broken?.sequence, 102);
      const cutHead = await query.selectFrom("control_audit").selectAll().where("sequence", "=", 101).executeTakeFirstOrThrow();
      await query.updateTable("control_audit_head").set({ entries: 101, hash: cutHead.hash }).execute();
      const { broken } = await house.book.verify();
      assert.equal(broken?.sequence, 102);
      assert.match(broken?.message ?? "", /which this control has seen/);
    });
  });
}
