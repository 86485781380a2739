import assert from "node:assert/strict";
import { test } from "node:test";
import { found } from "./planted.ts";
import { catalogueFaults, idleReasonsRule, reasonsPage } from "./reasons.ts";

const reason = { key: "A_GONE", reason: "A_GONE", code: "NOT_FOUND", meaning: "The a is not there | here.", status: undefined };

test("the page of reasons holds each with code and HTTP status", () => {
  const page = reasonsPage([{ package: "wire", reasons: [reason, { ...reason, reason: "B_GONE", status: 410 }] }], () => 404);
  assert.match(page, /## wire\n/);
  assert.match(page, /\| `A_GONE` \| NOT_FOUND \| 404 \| The a is not there \\\| here\. \|/);
  assert.match(page, /\| `B_GONE` \| NOT_FOUND \| 410 \|/);
});

test("a catalogue's own faults are named", () => {
  const faults = (one: Partial<typeof reason>): string[] => catalogueFaults([{ package: "wire", reasons: [{ ...reason, ...one }] }]);
  assert.deepEqual(faults({}), []);
  assert.deepEqual(faults({ key: "OTHER" }), ["wire: the key OTHER holds the reason A_GONE"]);
  assert.equal(faults({ key: "aGone", reason: "aGone" }).length, 1);
  assert.equal(faults({ meaning: "" }).length, 1);
  assert.deepEqual(catalogueFaults([{ package: "wire", reasons: [reason, reason] }]), ["wire: A_GONE stands there twice"]);
});

test("a reason that nothing gives is found", () => {
  const catalogue = 'export const wireReasons = {\n  A_GONE: { reason: "A_GONE" },\n  B_GONE: {\n    reason: "B_GONE",\n  },\n};\n';
  const files = { "packages/wire/src/reasons.ts": catalogue, "packages/wire/src/a.ts": "throw refuse(wireReasons.A_GONE);" };
  assert.deepEqual(found(idleReasonsRule, files), ["packages/wire/src/reasons.ts:3 nothing gives the reason B_GONE"]);
});
