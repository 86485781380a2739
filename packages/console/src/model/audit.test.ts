import assert from "node:assert/strict";
import { test } from "node:test";
import { AuditEntry } from "@weir/api/audit";
import { Role, Token } from "@weir/api/identity";
import { VersionWindow } from "@weir/api/traffic";
import { changesOf, marksOf, mergedEntries, weightIn } from "./audit.ts";
import { causeRowsFrom } from "./causes.ts";
import { storedChoice, storeChoice } from "./choice.ts";
import { hindranceOf, storedToken, storeToken, tokenFromPaste } from "./session.ts";

const entry = (sequence: bigint, more: Partial<AuditEntry> = {}): AuditEntry =>
  AuditEntry.create({ sequence, atMs: sequence * 1000n, outcome: "done", ...more });

test("diff lists the fields that differ, with what was before and after", () => {
  const changes = changesOf({ from: `{"a":1,"b":{"c":[1,2]},"same":true}`, to: `{"a":2,"b":{"c":[1,3]},"same":true,"new":"x"}` });
  assert.deepEqual(changes, [
    { field: "a", from: "1", to: "2" },
    { field: "b.c.1", from: "2", to: "3" },
    { field: "new", from: undefined, to: "x" },
  ]);
  assert.deepEqual(changesOf({ from: "", to: "" }), []);
  assert.deepEqual(changesOf({ from: "", to: "not json" }), [{ field: "", from: undefined, to: "not json" }]);
});

test("weight of an entry is found wherever the release stands, and is 0 where it was left out", () => {
  assert.equal(weightIn(`{"newWeight":2000}`), 2000);
  assert.equal(weightIn(`{"release":{"service":"feed","newWeight":500}}`), 500);
  assert.equal(weightIn(`{"service":"feed","stableVersion":"v1","newVersion":"v2"}`), 0);
  assert.equal(weightIn(`{"name":"films"}`), undefined);
  assert.equal(weightIn(""), undefined);
});

test("marks are the changes that were done, oldest first", () => {
  const refused = entry(2n, { to: "{}", outcome: "REASON_MISSING" });
  const repeated = entry(4n, { from: `{"newWeight":1}`, to: `{"newWeight":1}` });
  const marks = marksOf([repeated, entry(3n, { to: `{"newWeight":1}` }), refused, entry(1n, { to: "{}" })]);
  assert.deepEqual(
    marks.map((mark) => [mark.sequence, mark.weight]),
    [
      [1n, undefined],
      [3n, 1],
    ],
  );
});

test("entries are merged newest first, each once", () => {
  const merged = mergedEntries([entry(2n), entry(1n)], [entry(3n), entry(2n)]);
  assert.deepEqual(
    merged.map((one) => one.sequence),
    [3n, 2n, 1n],
  );
});

test("causes count each version, most frequent first, and fallbacks once", () => {
  const rows = causeRowsFrom([
    VersionWindow.create({
      version: "v2",
      fallbacks: 3,
      causes: [
        { cause: "RESET", count: 1 },
        { cause: "FALLBACK_USED", count: 3 },
      ],
    }),
    VersionWindow.create({
      version: "v1",
      causes: [
        { cause: "RESET", count: 9 },
        { cause: "TIMEOUT", count: 0 },
      ],
    }),
  ]);
  assert.deepEqual(
    rows.map((row) => [row.cause, row.counts.map((one) => one.count)]),
    [
      ["RESET", [1, 9]],
      ["FALLBACK_USED", [3, 0]],
    ],
  );
});

test("token is told why it may not move users", () => {
  const token = (role: Role, services: string[] = []): Token => Token.create({ role, services });
  assert.equal(hindranceOf(token(Role.VIEWER), "feed"), "viewer");
  assert.equal(hindranceOf(token(Role.DATA_PLANE), "feed"), "machine");
  assert.equal(hindranceOf(token(Role.OPERATOR, ["shop"]), "feed"), "service");
  assert.equal(hindranceOf(token(Role.OPERATOR, ["feed"]), "feed"), undefined);
  assert.equal(hindranceOf(token(Role.ADMIN), "feed"), undefined);
});

test("token is taken from what people paste", () => {
  for (const text of ["abc", " abc\n", "Bearer abc", "authorization: bearer abc"]) assert.equal(tokenFromPaste(text), "abc");
});

test("storage that is forbidden counts as empty and breaks nothing", () => {
  const refuse = (): never => {
    throw new Error("SecurityError");
  };
  const store = { getItem: refuse, setItem: refuse, removeItem: refuse };
  storeToken(store, "abc");
  storeChoice(store, "theme", "dark");
  assert.equal(storedToken(store), undefined);
  assert.equal(storedChoice(store, "theme"), undefined);
});

test("choices that are not among those on offer are not taken", () => {
  const store = { getItem: (key: string) => (key === "weir.theme" ? "pink" : "zh"), setItem: () => undefined };
  assert.equal(storedChoice(store, "theme"), undefined);
  assert.equal(storedChoice(store, "language"), "zh");
});
