import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { databaseKinds } from "../fixtures/databases.ts";
import type { TestHouse } from "../fixtures/house.ts";
import { entriesOf, furnishFeed, instanceOf, openHouse, reasonOf, register, sharesOf, until } from "../fixtures/house.ts";

for (const kind of databaseKinds) {
  describe(`releases over ${kind.name}`, { skip: kind.skip, timeout: 30_000 }, () => {
    let house: TestHouse;
    before(async () => {
      house = await openHouse({ database: await kind.create() });
      await furnishFeed(house);
    });
    after(() => house.close());

    test("the first version is stable and the second begins at weight 0, by control and in the audit", async () => {
      const { release } = await house.admin.releases.getRelease({ service: "feed" });
      assert.equal(release?.stableVersion, "v1");
      assert.equal(release?.newVersion, "v2");
      assert.equal(release?.newWeight, 0);
      assert.equal(release?.changedBy, "control");
      const { entries } = await house.admin.audit.listEntries({ resource: "release/feed" });
      assert.deepEqual(
        entries.map(({ actor, action, outcome }) => [actor, action, outcome]),
        [
          ["control", "Releases.BeginRelease", "done"],
          ["control", "Releases.BeginRelease", "done"],
        ],
      );
    });

    test("weights that are set stand in the release, the audit and the Snapshot of one revision", async () => {
      const { release } = await house.admin.releases.setWeights({ service: "feed", shares: sharesOf(2000), reason: "  errors are level " });
      assert.equal(release?.newWeight, 2000);
      assert.equal(release?.reason, "errors are level");
      assert.equal(release?.changedBy, "admin");
      const [entry] = await entriesOf(house, 1);
      assert.equal(entry?.action, "Releases.SetWeights");
      assert.equal(entry?.resource, "release/feed");
      const { revision } = release;
      assert.deepEqual(JSON.parse(entry?.to ?? ""), { newVersion: "v2", newWeight: 2000, revision: Number(revision), stableVersion: "v1" });
      const stream = house.dataPlane.snapshots.subscribe({ dataPlane: "gateway-1" })[Symbol.asyncIterator]();
      const { snapshot } = await until(stream, (message) => (message.snapshot?.revision ?? 0n) >= revision);
      assert.deepEqual(snapshot?.routes[0]?.shares, sharesOf(2000));
      await stream.return?.();
    });

    test("the same act again is no second one, also with the revision it was meant for", async () => {
      const { release: before } = await house.admin.releases.getRelease({ service: "feed" });
      const entries = await entriesOf(house);
      const again = { service: "feed", shares: sharesOf(2000), reason: "errors are level", expectedRevision: 1n };
      assert.deepEqual((await house.admin.releases.setWeights(again)).release, before);
      assert.deepEqual(await entriesOf(house), entries);
    });

    test("a change for another revision is refused", async () => {
      const { release } = await house.admin.releases.getRelease({ service: "feed" });
      const revision = release?.revision ?? 0n;
      const change = { service: "feed", shares: sharesOf(3000), reason: "on" };
      assert.equal(await reasonOf(house.admin.releases.setWeights({ ...change, expectedRevision: revision - 1n })), "RELEASE_CHANGED");
      assert.equal(await reasonOf(house.admin.releases.setWeights({ ...change, expectedRevision: revision })), "none");
    });

    test("100 changes at once are one line in release and audit", async () => {
      const weights = Array.from({ length: 100 }, (_, index) => 100 * (index + 1) - 50);
      await Promise.all(
        weights.map((weight) => house.admin.releases.setWeights({ service: "feed", shares: sharesOf(weight), reason: `to ${weight}` })),
      );
      const { entries } = await house.admin.audit.listEntries({ resource: "release/feed", limit: 101 });
      const line = entries
        .toReversed()
        .map(({ from, to }) => [JSON.parse(from), JSON.parse(to)] as { newWeight: number; revision: number }[]);
      for (const [index, [from]] of line.entries()) if (index > 0) assert.deepEqual(from, line[index - 1]?.[1]);
      assert.deepEqual(
        line
          .slice(1)
          .map(([, to]) => to?.newWeight)
          .toSorted((a = 0, b = 0) => a - b),
        weights,
      );
      const { release } = await house.admin.releases.getRelease({ service: "feed" });
      assert.equal(release?.newWeight, line.at(-1)?.[1]?.newWeight);
      assert.equal(Number(release?.revision), line.at(-1)?.[1]?.revision);
      assert.deepEqual((await house.admin.audit.verifyChain({})).whole, true);
    });

    test("100 changes at once for one revision: one is made, the others are refused", async () => {
      const { release } = await house.admin.releases.getRelease({ service: "feed" });
      const expectedRevision = release?.revision ?? 0n;
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          reasonOf(house.admin.releases.setWeights({ service: "feed", shares: sharesOf(index + 1), reason: "race", expectedRevision })),
        ),
      );
      assert.equal(outcomes.filter((outcome) => outcome === "none").length, 1);
      assert.equal(outcomes.filter((outcome) => outcome === "RELEASE_CHANGED").length, 99);
    });

    test("a third version begins only once all users are on the second, which is stable then", async () => {
      await register(house.instance, [instanceOf("v3-1", { version: "v3" })]);
      const begin = { service: "feed", newVersion: "v3", reason: "next" };
      assert.equal(await reasonOf(house.admin.releases.beginRelease(begin)), "RELEASE_UNDER_WAY");
      const { release: before } = await house.admin.releases.setWeights({ service: "feed", shares: sharesOf(10_000), reason: "all" });
      const { release } = await house.admin.releases.beginRelease(begin);
      assert.deepEqual([release?.stableVersion, release?.newVersion, release?.newWeight], ["v2", "v3", 0]);
      assert.notEqual(release?.salt, before?.salt);
    });

    test("state, audit and weights are whole after a restart", async () => {
      const shares = [
        { version: "v3", weight: 700 },
        { version: "v2", weight: 9300 },
      ];
      const { release } = await house.admin.releases.setWeights({ service: "feed", shares, reason: "a little" });
      house = await house.reopen();
      assert.deepEqual((await house.admin.releases.getRelease({ service: "feed" })).release, release);
      assert.equal((await house.admin.audit.verifyChain({})).whole, true);
      const messages = house.admin.releases.watchRelease({ service: "feed" })[Symbol.asyncIterator]();
      const view = await until(messages, () => true);
      assert.deepEqual(view.release, release);
      assert.deepEqual(view.versions.slice(-2), ["v2", "v3"]);
      await messages.return?.();
    });
  });
}
