import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuditRow } from "../tables.ts";
import type { ChainBreak } from "./chain.ts";
import { canonicalJson, chainStart, linked, walkChain } from "./chain.ts";

const databaseId = "d1";

function chainOf(count: number): AuditRow[] {
  const rows: AuditRow[] = [];
  for (let index = 0; index < count; index++) {
    const head = { entries: rows.length, hash: rows.at(-1)?.hash ?? chainStart(databaseId) };
    const draft = { at_ms: 1000 + index, actor: "ada", action: "Releases.SetWeights", resource: "release/feed", outcome: "done" };
    rows.push(linked({ ...draft, from_json: `{"w":${index}}`, to_json: `{"w":${index + 1}}`, reason: `step ${index}` }, head));
  }
  return rows;
}

function verified(rows: readonly AuditRow[], head: { entries: number; hash: string }, id = databaseId): ChainBreak | undefined {
  const walk = walkChain(id);
  for (const row of rows) walk.take(row);
  walk.end(head);
  return walk.broken;
}

const whole = chainOf(6);
const head = { entries: 6, hash: whole[5]?.hash ?? "" };

test("a chain that nobody touched is whole, and so is an empty one", () => {
  assert.equal(verified(whole, head), undefined);
  assert.equal(verified([], { entries: 0, hash: chainStart(databaseId) }), undefined);
});

test("a chain names the entry of which any field was changed", () => {
  const changes: Partial<AuditRow>[] = [
    { at_ms: 1 },
    { actor: "eve" },
    { action: "Releases.BeginRelease" },
    { resource: "release/shop" },
    { from_json: "" },
    { to_json: '{"w":9}' },
    { reason: "another" },
    { outcome: "REASON_MISSING" },
    { previous_hash: "0".repeat(64) },
    { hash: "0".repeat(64) },
  ];
  for (const change of changes) {
    const broken = verified(whole.with(3, { ...(whole[3] as AuditRow), ...change }), head);
    assert.equal(broken?.sequence, 4, JSON.stringify(change));
  }
});

test("a chain names the entry after one that was changed and hashed anew", () => {
  const second = whole[1] as AuditRow;
  const forged = linked({ ...second, actor: "eve" }, { entries: 1, hash: second.previous_hash });
  const broken = verified(whole.with(1, forged), head);
  assert.equal(broken?.sequence, 3);
  assert.match(broken?.message ?? "", /the one before was changed/);
});

test("a chain names an entry that was deleted, also the first and the last", () => {
  assert.deepEqual(verified(whole.toSpliced(2, 1), head), { sequence: 3, message: "Expected entry 3, found entry 4: one is missing." });
  assert.equal(verified(whole.slice(1), head)?.sequence, 1);
  const cut = verified(whole.slice(0, 4), head);
  assert.equal(cut?.sequence, 5);
  assert.match(cut?.message ?? "", /the end was cut off/);
});

test("a chain names the first of two entries that changed places", () => {
  const [second, third] = [whole[1] as AuditRow, whole[2] as AuditRow];
  const swapped = whole.with(1, { ...third, sequence: 2 }).with(2, { ...second, sequence: 3 });
  assert.equal(verified(swapped, head)?.sequence, 2);
});

test("a chain names an entry that was added past the head, and a head that was changed", () => {
  assert.equal(verified(chainOf(7), head)?.sequence, 7);
  assert.equal(verified(whole, { entries: 6, hash: "0".repeat(64) })?.sequence, 6);
});

test("a chain of another database does not fit", () => {
  assert.equal(verified(whole, head, "d2")?.sequence, 1);
});

test("canonical JSON is the same for equal values, however they were made", () => {
  assert.equal(canonicalJson({ b: 1n, a: [undefined, { z: true, y: null }], c: undefined }), '{"a":[null,{"y":null,"z":true}],"b":"1"}');
  assert.equal(canonicalJson({ a: [null, { y: null, z: true }], b: "1" }), '{"a":[null,{"y":null,"z":true}],"b":"1"}');
  assert.equal(canonicalJson("é\n"), '"é\\n"');
});
