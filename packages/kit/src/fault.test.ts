import assert from "node:assert/strict";
import { test } from "node:test";
import type { Code, Reasons } from "./fault.ts";
import { codes, coreReasons, Fault, fault, faultFrom, isFault } from "./fault.ts";
import { kitReasons } from "./reasons.ts";

test("the table of codes has the sixteen of gRPC, numbered 1 to 16", () => {
  const numbers = Object.values(codes).map((code) => code.grpc);
  assert.deepEqual(
    numbers,
    Array.from({ length: 16 }, (_, index) => index + 1),
  );
  const connect = new Set(Object.values(codes).map((code) => code.connect));
  assert.equal(connect.size, 16);
});

test("every catalogue names each reason as its key, with a code of the table", () => {
  const catalogues: Reasons[] = [coreReasons, kitReasons];
  for (const catalogue of catalogues) {
    for (const [key, entry] of Object.entries(catalogue)) {
      assert.equal(entry.reason, key);
      assert.match(key, /^[A-Z][A-Z0-9_]+$/);
      assert.ok(Object.hasOwn(codes, entry.code), `${key} has the code ${entry.code}`);
      assert.match(entry.meaning, /^[A-Z].*\.$/, `${key} says what it means in a sentence`);
    }
  }
});

test("a fault carries code, reason, message, details and retryAfterMs", () => {
  const found = fault(coreReasons.DEADLINE_EXCEEDED, "Too late.", { retryAfterMs: 250, details: [{ typeName: "a.B", value: { c: 1 } }] });
  assert.equal(found.code, "DEADLINE_EXCEEDED");
  assert.equal(found.reason, "DEADLINE_EXCEEDED");
  assert.equal(found.message, "Too late.");
  assert.equal(found.retryAfterMs, 250);
  assert.deepEqual(found.details, [{ typeName: "a.B", value: { c: 1 } }]);
  assert.equal(found.cause, undefined);
  assert.ok(found instanceof Error && found instanceof Fault);
});

test("a fault of another copy of the package is recognised by its brand", () => {
  const foreign = Object.assign(new Error("elsewhere"), { brand: "weir.fault", code: "NOT_FOUND" as Code, reason: "X", details: [] });
  assert.ok(isFault(foreign));
  assert.equal(faultFrom(foreign), foreign);
  for (const other of [undefined, null, "weir.fault", new Error("x"), { brand: "other" }]) assert.equal(isFault(other), false);
});

test("faultFrom keeps a fault, and maps aborts and time-outs of the platform", () => {
  const own = fault(coreReasons.UNEXPECTED, "Own.");
  assert.equal(faultFrom(own), own);
  const aborted = new DOMException("aborted", "AbortError");
  assert.equal(faultFrom(aborted).reason, "CALL_CANCELLED");
  assert.equal(faultFrom(aborted).cause, aborted);
  assert.equal(faultFrom(new DOMException("slow", "TimeoutError")).reason, "DEADLINE_EXCEEDED");
});

test("faultFrom hides what was thrown behind an opaque id", () => {
  const secret = new Error("password=hunter2 at 10.0.0.7");
  for (const thrown of [secret, "password=hunter2", { password: "hunter2" }, undefined, null]) {
    const found = faultFrom(thrown, () => "id-1");
    assert.equal(found.code, "INTERNAL");
    assert.equal(found.reason, "UNEXPECTED");
    assert.equal(found.message, "Something unexpected failed (id id-1).");
    assert.equal(found.cause, thrown);
  }
  assert.notEqual(faultFrom(secret).message, faultFrom(secret).message);
});
