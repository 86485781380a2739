import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import type { JsonObject } from "./query.ts";
import { addQuery, bindFields, queryValue, setField } from "./query.ts";
import { Greeter } from "./testdata/greeter.weir.ts";

const fields = bindFields(Greeter.methods.hello.fields);

function read(query: string, target: JsonObject = {}): JsonObject {
  addQuery(target, query, fields);
  return target;
}

test("a query sets scalars, repeated and nested fields under both of their names", () => {
  const table: [query: string, expected: JsonObject][] = [
    ["name=ada", { name: "ada" }],
    ["name=a+b%20c%26", { name: "a b c&" }],
    ["name=caf%C3%A9", { name: "café" }],
    ["name", { name: "" }],
    ["name=", { name: "" }],
    ["name=a=b", { name: "a=b" }],
    ["&&name=x&", { name: "x" }],
    ["tags=a&tags=b,c&tags=", { tags: ["a", "b,c", ""] }],
    ["page.size=5&page.next_token=t", { page: { size: "5", nextToken: "t" } }],
    ["page.nextToken=t", { page: { nextToken: "t" } }],
    ["loud=true", { loud: true }],
    ["loud=false", { loud: false }],
    ["loud=yes", { loud: "yes" }],
    ["tone=TONE_WARM", { tone: "TONE_WARM" }],
    ["tone=1", { tone: 1 }],
    ["tone=-1", { tone: -1 }],
    ["serial=9007199254740993", { serial: "9007199254740993" }],
    ["seal=AQID", { seal: "AQID" }],
    ["unknown=1&__proto__=2&page=3&constructor.name=4", {}],
    ["", {}],
  ];
  for (const [query, expected] of table) assert.deepEqual(read(query), expected, query);
});

test("a single field given twice is refused, also under two names", () => {
  for (const query of ["name=a&name=b", "page.next_token=a&page.nextToken=b", "loud=true&loud=true"]) {
    assert.throws(
      () => read(query),
      (thrown) => isFault(thrown) && thrown.reason === "QUERY_INVALID",
      query,
    );
  }
});

test("a query that is not percent-encoded UTF-8 is refused", () => {
  for (const query of ["name=%", "name=%C3", "%zz=1"]) {
    assert.throws(
      () => read(query),
      (thrown) => isFault(thrown) && thrown.reason === "QUERY_INVALID",
      query,
    );
  }
});

test("a field that is set takes the place of what the object held under either name", () => {
  const bound = fields.get("page.next_token");
  assert.ok(bound);
  const table: [before: JsonObject, after: JsonObject][] = [
    [{ page: { next_token: "old", size: 1 } }, { page: { nextToken: "new", size: 1 } }],
    [{ page: { nextToken: "old" } }, { page: { nextToken: "new" } }],
    [{ page: 7 }, { page: { nextToken: "new" } }],
    [{ page: [1] }, { page: { nextToken: "new" } }],
  ];
  for (const [before, after] of table) {
    setField(before, bound, "new");
    assert.deepEqual(before, after);
  }
});

test("queryValue finds a decoded value", () => {
  assert.equal(queryValue("a=1&b=%7B%7D&b=3", "b"), "{}");
  assert.equal(queryValue("a=1", "b"), undefined);
});
