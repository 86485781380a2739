import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { Item, OrderRequest, OrderResponse } from "./testdata/rules.weir.ts";
import { validationFault } from "./validation.ts";

const nowMs = 1_700_000_000_000;
const item = Item.create({ sku: "abc", count: 1 });
const order = OrderRequest.create({ userId: "ada-b", items: [item], payment: { case: "card", value: "1234" } });

/** What is wrong, a line each: field, rule, and "key" where the key is meant. */
function wrong(init: Partial<OrderRequest>): string[] {
  const found = OrderRequest.validate?.({ ...order, ...init }, nowMs) ?? [];
  return found.map(({ field, ruleId, forKey }) => `${field} ${ruleId}${forKey ? " key" : ""}`);
}

test("a message that keeps its rules has no violations, and a type without rules no check", () => {
  assert.deepEqual(wrong({}), []);
  assert.equal(OrderResponse.validate, undefined);
  assert.equal(OrderResponse.check, undefined);
});

test("violations say where: fields, items, entries and what lies in them", () => {
  assert.deepEqual(wrong({ userId: "" }), ["user_id required"]);
  assert.deepEqual(wrong({ userId: "Ada" }), ["user_id string.pattern"]);
  assert.deepEqual(wrong({ items: [] }), ["items repeated.min_items"]);
  assert.deepEqual(wrong({ items: [item, { ...item, sku: "é𝑎", count: 100 }] }), [
    "items[1].sku string.min_len",
    "items[1].count uint32.gte_lte",
  ]);
  assert.deepEqual(wrong({ labels: { a: "12345", 'a"b': "𝑎" } }), [`labels["a"] string.min_len key`, `labels["a"] string.max_bytes`]);
  assert.deepEqual(wrong({ gifts: { "-3": { ...item, count: 0 } } }), ["gifts[-3] int32.gt key", "gifts[-3].count uint32.gte_lte"]);
  assert.deepEqual(wrong({ payment: { case: undefined } }), ["payment required"]);
  assert.deepEqual(wrong({ payment: { case: "voucher", value: "" } }), ["voucher string.uuid_empty"]);
  assert.deepEqual(wrong({ previous: { ...order, previous: { ...order, userId: "" } } }), ["previous.previous.user_id required"]);
  const odd = Item.create({ ...item, bytesId: Uint8Array.of(2), number: 8n, colour: 2, note: "no", price: NaN, tags: ["a:1", "a:1", "a"] });
  assert.deepEqual(wrong({ items: [odd] }), [
    "items[0].colour enum.not_in",
    "items[0].bytes_id bytes.len",
    "items[0].bytes_id bytes.prefix",
    "items[0].number int64.in",
    "items[0].note string.email",
    "items[0].price double.finite",
    "items[0].tags repeated.unique",
    "items[0].tags[2] string.host_and_port",
    "items[0] message.oneof",
  ]);
});

test("a pattern that a long text would make slow is not tried on one that is too long anyway", () => {
  const breaks = (path: string): string[] => wrong({ items: [{ ...item, path, seal: Buffer.from(path) }] });
  assert.deepEqual(breaks("a-b"), []);
  assert.deepEqual(breaks("a".repeat(30)), ["items[0].path string.pattern", "items[0].seal bytes.pattern"]);
  assert.deepEqual(breaks("a".repeat(20_000)), ["items[0].path string.max_len", "items[0].seal bytes.max_len"]);
});

test("times are compared with the time that is given", () => {
  const at = (seconds: number): Partial<OrderRequest> => ({ at: { seconds: BigInt(nowMs / 1000 + seconds), nanos: 0 } });
  assert.deepEqual(wrong(at(-60)), []);
  assert.deepEqual(wrong(at(-61)), ["at timestamp.within"]);
  assert.deepEqual(wrong(at(1)), ["at timestamp.lt_now"]);
  assert.deepEqual(wrong({ patience: { seconds: 30n, nanos: 1 } }), ["patience duration.gt_lte"]);
  const [found] = OrderRequest.validate?.({ ...order, at: { seconds: 0n, nanos: 0 } }) ?? [];
  assert.equal(found?.ruleId, "timestamp.within");
});

test("at most a hundred violations are told, and messages in a ring are refused", () => {
  const items = Array.from({ length: 200 }, () => ({ ...item, count: 0 }));
  assert.equal(wrong({ items }).length, 100);
  const ring = { ...order };
  ring.previous = ring;
  assert.throws(
    () => OrderRequest.validate?.(ring),
    (error) => isFault(error) && error.reason === "MESSAGE_INVALID",
  );
});

test("the Fault of violations names the first and carries all", () => {
  const violations = OrderRequest.validate?.({ ...order, userId: "", items: [{ ...item, count: 0 }], gifts: { "0": item } }) ?? [];
  const found = validationFault(OrderRequest.typeName, violations);
  assert.equal(found.code, "INVALID_ARGUMENT");
  assert.equal(found.reason, "VALIDATION_FAILED");
  assert.equal(found.message, "weir.rules.v1.OrderRequest field user_id: value is required [required], and 2 more");
  const [request, told] = found.details;
  assert.ok(request);
  assert.ok(told);
  assert.equal(request.typeName, "google.rpc.BadRequest");
  const { fieldViolations } = request.value as { readonly fieldViolations: readonly unknown[] };
  assert.deepEqual(fieldViolations[1], {
    field: "items[0].count",
    description: "must be greater than or equal to 1 and less than or equal to 99",
    reason: "uint32.gte_lte",
  });
  assert.equal(told.typeName, "buf.validate.Violations");
  assert.ok((request.bytes?.length ?? 0) > 50 && (told.bytes?.length ?? 0) > 50);
});
