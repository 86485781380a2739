import assert from "node:assert/strict";
import { test } from "node:test";
import { partHeaders } from "./inbound.ts";

test("inbound headers of the platform are dropped in every spelling, however often they come", () => {
  const spoofed = [
    "x-weir-bucket",
    "x-weir-bucket",
    "x-weir-version",
    "x_weir_bucket",
    "x-weir_bucket",
    "x-weir-anything",
    "x_forwarded_for",
    "expect",
  ];
  const { kept } = partHeaders(["accept", "*/*", ...spoofed.flatMap((name) => [name, "0001"]), "x-weird", "stays"]);
  assert.deepEqual(kept, ["accept", "*/*", "x-weird", "stays"]);
});

test("inbound headers that the gateway answers for are set aside and joined", () => {
  const { kept, inbound } = partHeaders([
    "x-forwarded-for",
    "1.1.1.1",
    "cookie",
    "a=1",
    "x-forwarded-for",
    "2.2.2.2",
    "x-real-ip",
    "3.3.3.3",
  ]);
  assert.deepEqual(kept, ["cookie", "a=1"]);
  assert.equal(inbound.xForwardedFor, "1.1.1.1, 2.2.2.2");
  assert.deepEqual(inbound.hints, ["x-real-ip", "3.3.3.3"]);
});

test("inbound headers leave the request's own list alone and keep repeated and unusual names", () => {
  const headers = ["set-cookie", "a", "set-cookie", "b", "constructor", "c", "__proto__", "d"];
  const before = [...headers];
  const { kept, inbound } = partHeaders(headers);
  assert.deepEqual(kept, before);
  assert.notEqual(kept, headers);
  assert.equal(inbound.requestId, "");
});

test("inbound headers with thousands of names are parted alike", () => {
  for (let index = 0; index < 3000; index++) {
    assert.deepEqual(partHeaders([`x-name-${index}`, "1", `x_weir-${index}`, "2"]).kept, [`x-name-${index}`, "1"]);
  }
});
