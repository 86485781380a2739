import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "@weir/kit/fault";
import { firstRelease, releaseBegun, releaseWithVersion, releaseWithWeights } from "./release.ts";

const first = firstRelease("feed", { version: "v1", salt: "s1" });
const running = { ...first, new_version: "v2", new_weight: 2000, salt: "s2" };
const knownVersions = new Set(["v1", "v2", "v3"]);

function reasonOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isFault(error)) return error.reason;
    throw error;
  }
  return "none";
}

test("the first version of a service is stable with all users", () => {
  assert.deepEqual(first, { service: "feed", stable_version: "v1", new_version: "", new_weight: 0, salt: "s1" });
});

test("a second version begins at weight 0, a known or third one changes nothing", () => {
  assert.deepEqual(releaseWithVersion(first, { version: "v2", salt: "s2" }), { ...first, new_version: "v2", salt: "s2" });
  assert.equal(releaseWithVersion(first, { version: "v1", salt: "s2" }), undefined);
  assert.equal(releaseWithVersion(running, { version: "v3", salt: "s3" }), undefined);
  assert.equal(releaseWithVersion({ ...running, new_weight: 10_000 }, { version: "v3", salt: "s3" }), undefined);
});

test("a release begins at weight 0 with its own salt when no user is on the new version", () => {
  const begun = releaseBegun({ ...running, new_weight: 0 }, { version: "v3", salt: "s3", knownVersions });
  assert.deepEqual(begun, { ...first, new_version: "v3", new_weight: 0, salt: "s3" });
});

test("a release that begins when all users are on the new version makes that one stable", () => {
  const begun = releaseBegun({ ...running, new_weight: 10_000 }, { version: "v3", salt: "s3", knownVersions });
  assert.deepEqual(begun, { ...first, stable_version: "v2", new_version: "v3", new_weight: 0, salt: "s3" });
  const back = releaseBegun({ ...running, new_weight: 10_000 }, { version: "v1", salt: "s3", knownVersions });
  assert.deepEqual([back.stable_version, back.new_version], ["v2", "v1"]);
});

test("a release does not begin in the middle of another, to a stranger or to the stable version", () => {
  const begin = (release: typeof running, version: string) => () => releaseBegun(release, { version, salt: "s", knownVersions });
  assert.equal(reasonOf(begin(running, "v3")), "RELEASE_UNDER_WAY");
  assert.equal(reasonOf(begin({ ...running, new_weight: 0 }, "v9")), "VERSION_UNKNOWN");
  assert.equal(reasonOf(begin({ ...running, new_weight: 0 }, "v1")), "VERSION_IS_STABLE");
  assert.equal(reasonOf(begin({ ...running, new_weight: 10_000 }, "v2")), "VERSION_IS_STABLE");
});

test("weights are taken in any order when they name both versions and sum to 10000", () => {
  const weights = [
    { version: "v1", weight: 500 },
    { version: "v2", weight: 9500 },
  ];
  assert.equal(releaseWithWeights(running, weights).new_weight, 9500);
  assert.equal(releaseWithWeights(running, weights.toReversed()).new_weight, 9500);
  const none = releaseWithWeights(running, [
    { version: "v2", weight: 0 },
    { version: "v1", weight: 10_000 },
  ]);
  assert.equal(none.new_weight, 0);
});

test("weights that name too few, too many or other versions, or sum to something else, are refused", () => {
  const v1 = { version: "v1", weight: 8000 };
  const v2 = { version: "v2", weight: 2000 };
  const table: [string, typeof running, (typeof v1)[]][] = [
    ["WEIGHTS_INCOMPLETE", running, []],
    ["WEIGHTS_INCOMPLETE", running, [{ version: "v2", weight: 10_000 }]],
    ["WEIGHTS_INCOMPLETE", running, [{ version: "v1", weight: 10_000 }]],
    ["WEIGHTS_INCOMPLETE", running, [v1, v1]],
    ["WEIGHTS_INCOMPLETE", running, [v1, v2, v2]],
    ["VERSION_UNKNOWN", running, [v1, { version: "v3", weight: 2000 }]],
    ["VERSION_UNKNOWN", running, [v1, { version: "", weight: 2000 }]],
    ["VERSION_UNKNOWN", { ...running, new_version: "" }, [v1, { version: "", weight: 2000 }]],
    ["RELEASE_NOT_UNDER_WAY", { ...running, new_version: "" }, [{ version: "v1", weight: 10_000 }]],
    ["WEIGHTS_SUM_INVALID", running, [v1, { version: "v2", weight: 1999 }]],
    ["WEIGHTS_SUM_INVALID", running, [v1, { version: "v2", weight: 4_294_967_295 }]],
  ];
  for (const [reason, release, weights] of table) {
    assert.equal(
      reasonOf(() => releaseWithWeights(release, weights)),
      reason,
      JSON.stringify(weights),
    );
  }
});
