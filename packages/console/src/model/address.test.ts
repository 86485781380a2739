import assert from "node:assert/strict";
import { test } from "node:test";
import { addressFromHash, columnSecondsOf, hashFromAddress, windowsS } from "./address.ts";

test("address comes back the same when it is written and read", () => {
  for (const service of ["feed", "eu/feed", "视频", "a?b&c=d"]) {
    for (const metric of ["requests", "errors", "p99"] as const) {
      const address = { page: "release", service, metric, windowS: 900, language: "zh", theme: "dark" } as const;
      assert.deepEqual(addressFromHash(hashFromAddress(address)), { ...address, code: "" });
    }
  }
});

test("address leaves defaults out when it is written", () => {
  const address = { page: "release", service: "feed", metric: "requests", windowS: 300, language: undefined, theme: undefined } as const;
  assert.equal(hashFromAddress(address), "#/releases/feed");
});

test("address falls back to what works when it cannot be read", () => {
  for (const hash of ["", "#", "#/nowhere", "#/releases/", "#%%%"]) assert.equal(addressFromHash(hash).page, "releases");
  const address = addressFromHash("#/releases/%E0%A4%A?metric=cpu&window=7&lang=fr&theme=pink");
  assert.equal(address.page, "release");
  assert.deepEqual([address.metric, address.windowS, address.language, address.theme], ["requests", 300, undefined, undefined]);
});

test("address never carries a code on when it had one", () => {
  const address = addressFromHash("#/sign-in?code=s3cret&lang=zh");
  assert.equal(address.code, "s3cret");
  assert.equal(hashFromAddress({ ...address, page: "releases" }), "#/releases?lang=zh");
  assert.equal(addressFromHash("#/releases/feed?code=s3cret").code, "");
});

test("windows are drawn in columns of whole seconds that control takes", () => {
  for (const window of windowsS) {
    const seconds = columnSecondsOf(window);
    assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, `${window} gives ${seconds}`);
  }
});
