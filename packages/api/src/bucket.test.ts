import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketCount, bucketOf, bucketText, versionOf } from "./bucket.ts";

const userIds = Array.from({ length: 20_000 }, (_, index) => `user-${index}`);

function sharesOf(newWeight: number): { version: string; weight: number }[] {
  return [
    { version: "v2", weight: newWeight },
    { version: "v1", weight: bucketCount - newWeight },
  ];
}

// The figures were checked against another implementation of MurmurHash3 (mmh3, over UTF-16LE).
test("bucketOf answers the same for the same user and salt for ever", () => {
  assert.deepEqual(
    [bucketOf("u1", "salt"), bucketOf("u2", "salt"), bucketOf("", ""), bucketOf("用户", "盐"), bucketOf("odd", "salt")],
    [3940, 3895, 7092, 7266, 4407],
  );
});

test("versionOf keeps the share of 20,000 users within sampling error and never moves a user back", () => {
  let before = new Set<string>();
  for (const weight of [500, 2000, 5000, 10_000]) {
    const shares = sharesOf(weight);
    const moved = new Set(userIds.filter((id) => versionOf(bucketOf(id, "release-1"), shares) === "v2"));
    const expected = (userIds.length * weight) / bucketCount;
    const deviation = Math.sqrt(expected * (1 - weight / bucketCount));
    assert.ok(Math.abs(moved.size - expected) <= 4 * deviation, `${moved.size} of ${expected} at ${weight}`);
    for (const id of before) assert.ok(moved.has(id), `${id} was thrown back at ${weight}`);
    before = moved;
  }
});

test("bucketOf deals users anew for another salt", () => {
  const first = userIds.filter((id) => bucketOf(id, "a") < 1000);
  const both = first.filter((id) => bucketOf(id, "b") < 1000);
  assert.ok(Math.abs(both.length - first.length / 10) < 4 * Math.sqrt(first.length * 0.09), `${both.length} of ${first.length}`);
});

test("bucketOf fills all buckets evenly", () => {
  const counts = Array.from({ length: 100 }, () => 0);
  for (let index = 0; index < 100_000; index++) counts[Math.floor(bucketOf(`id-${index}`, "s") / 100)]! += 1;
  const chiSquared = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  assert.ok(chiSquared < 160, `chi-squared ${chiSquared} with 99 degrees of freedom`);
});

test("versionOf gives the last version whatever rounding left", () => {
  assert.equal(versionOf(9999, sharesOf(9999)), "v1");
  assert.equal(versionOf(9999, [{ version: "v2", weight: 100 }]), "v2");
  assert.equal(versionOf(0, []), "");
});

test("bucketText writes four digits", () => {
  assert.equal(bucketText(7), "0007");
  assert.equal(bucketText(9999), "9999");
});
