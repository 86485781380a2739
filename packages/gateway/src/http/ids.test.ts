import assert from "node:assert/strict";
import { test } from "node:test";
import { createIdSource } from "./ids.ts";

test("ids are hex digits of the right length and do not repeat", () => {
  const ids = createIdSource();
  const seen = new Set<string>();
  for (let index = 0; index < 20_000; index++) {
    const traceId = ids.traceId();
    const spanId = ids.spanId();
    assert.match(traceId, /^[0-9a-f]{32}$/);
    assert.match(spanId, /^[0-9a-f]{16}$/);
    seen.add(traceId).add(spanId);
  }
  assert.equal(seen.size, 40_000);
});

test("ids are never all zero", () => {
  const ids = createIdSource((bytes) => bytes.fill(0));
  assert.equal(ids.spanId(), "0000000000000001");
  assert.equal(ids.traceId(), `${"0".repeat(31)}1`);
});
