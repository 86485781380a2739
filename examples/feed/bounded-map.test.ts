import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedMap } from "./bounded-map.ts";

test("bounded map keeps what is used, forgets what is not, and keeps its bound", () => {
  const map = new BoundedMap<number>(10);
  for (let key = 0; key < 1000; key++) {
    map.set(`${key}`, key);
    assert.equal(map.get("0"), 0, `after ${key}`);
    assert.ok(map.size <= 10, `${map.size}`);
  }
  assert.deepEqual([map.get("999"), map.get("500")], [999, undefined]);
  map.delete("999");
  assert.equal(map.get("999"), undefined);
});
