import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { bytesFromBase64 } from "../contract/base64.ts";
import type { Code } from "../fault.ts";
import { codes, fault } from "../fault.ts";
import { bytesFromErrorInfo, bytesFromRetryInfo, errorInfoFromBytes, retryAfterMsFromBytes } from "./error-detail.ts";
import { codeFromHttpStatus, errorJsonFromFault, faultFromErrorJson } from "./error-json.ts";

test("every code survives the way to JSON and back, with reason, details and retryAfterMs", () => {
  for (const code of Object.keys(codes) as Code[]) {
    const given = fault({ reason: "OUT_OF_STOCK", code }, "Ünless 3.", {
      retryAfterMs: 1500.25,
      details: [{ typeName: "shop.v1.Item", value: { id: "a" } }],
    });
    const json = JSON.parse(JSON.stringify(errorJsonFromFault(given, "shop.v1.Shop"))) as unknown;
    const back = faultFromErrorJson(json);
    assert.ok(back);
    assert.deepEqual(
      { code: back.code, reason: back.reason, message: back.message, retryAfterMs: back.retryAfterMs, details: back.details },
      { code, reason: "OUT_OF_STOCK", message: "Ünless 3.", retryAfterMs: 1500.25, details: given.details },
    );
  }
});

test("the error JSON is what Connect says, with the reason as ErrorInfo", () => {
  const json = errorJsonFromFault(
    fault({ reason: "GONE", code: "NOT_FOUND" }, "No film 9.", { retryAfterMs: 2000, cause: new Error("secret") }),
    "feed.v1.Feed",
  );
  assert.deepEqual(json, {
    code: "not_found",
    message: "No film 9.",
    details: [
      { type: "google.rpc.ErrorInfo", value: "CgRHT05FEgxmZWVkLnYxLkZlZWQ", debug: { reason: "GONE", domain: "feed.v1.Feed" } },
      { type: "google.rpc.RetryInfo", value: "CgIIAg", debug: { retryDelay: "2s" } },
    ],
  });
  assert.equal(JSON.stringify(json).includes("secret"), false);
});

test("an error without debug is read from the bytes of its details", () => {
  const back = faultFromErrorJson({
    code: "unavailable",
    message: "Later.",
    details: [
      { type: "google.rpc.ErrorInfo", value: "CgRHT05FEgxmZWVkLnYxLkZlZWQ" },
      { type: "google.rpc.RetryInfo", value: "CgIIAg==" },
      { type: "other.Detail", value: "AAEC" },
    ],
  });
  assert.equal(back?.reason, "GONE");
  assert.equal(back?.retryAfterMs, 2000);
  assert.deepEqual(back?.details, [{ typeName: "other.Detail", value: undefined, bytes: Uint8Array.of(0, 1, 2) }]);
});

test("an ErrorInfo with metadata is kept, and not sent twice", () => {
  const info = { typeName: "google.rpc.ErrorInfo", value: { reason: "QUOTA", domain: "x", metadata: { limit: "5" } } };
  const given = fault({ reason: "QUOTA", code: "RESOURCE_EXHAUSTED" }, "Enough.", { details: [info] });
  const json = errorJsonFromFault(given, "y");
  assert.equal(json.details.length, 1);
  assert.deepEqual(faultFromErrorJson(json)?.details, [{ ...info, bytes: bytesFromErrorInfo(info.value) }]);
  assert.equal(faultFromErrorJson(json)?.reason, "QUOTA");
});

test("what is no Connect error is not taken for one; strange parts of one are ignored", () => {
  for (const json of [null, 1, "x", [], {}, { code: 5 }, { code: "NOT_FOUND" }, { code: "ok" }, { error: "x" }]) {
    assert.equal(faultFromErrorJson(json), undefined, JSON.stringify(json));
  }
  const strange = faultFromErrorJson({
    code: "aborted",
    message: 7,
    details: [null, 1, {}, { type: 3 }, { type: "google.rpc.ErrorInfo", value: "!!" }],
  });
  assert.deepEqual([strange?.code, strange?.reason, strange?.message], ["ABORTED", "PEER_FAULT", ""]);
  assert.equal(faultFromErrorJson({ code: "aborted", details: "none" })?.details.length, 0);
});

test("HTTP statuses map to codes as Connect says", () => {
  const table: [status: number, code: Code][] = [
    [400, "INTERNAL"],
    [401, "UNAUTHENTICATED"],
    [403, "PERMISSION_DENIED"],
    [404, "UNIMPLEMENTED"],
    [429, "UNAVAILABLE"],
    [502, "UNAVAILABLE"],
    [503, "UNAVAILABLE"],
    [504, "UNAVAILABLE"],
    [500, "UNKNOWN"],
    [418, "UNKNOWN"],
    [302, "UNKNOWN"],
    [200, "UNKNOWN"],
  ];
  for (const [status, code] of table) assert.equal(codeFromHttpStatus(status), code, String(status));
});

test("a RetryInfo's duration is the one that protobuf's own library writes", () => {
  for (const [retryAfterMs, seconds, nanos] of [
    [0, 0n, 0],
    [1, 0n, 1e6],
    [1500.25, 1n, 500_250_000],
    [86_400_000, 86_400n, 0],
    [2 ** 45, BigInt(Math.floor(2 ** 45 / 1000)), 832_000_000],
  ] as const) {
    const bytes = bytesFromRetryInfo(retryAfterMs);
    const duration = fromBinary(DurationSchema, bytes.subarray(2));
    assert.deepEqual([duration.seconds, duration.nanos], [seconds, nanos], String(retryAfterMs));
    assert.equal(retryAfterMsFromBytes(Uint8Array.of(10, bytes.length - 2, ...toBinary(DurationSchema, duration))), retryAfterMs);
  }
});

test("an ErrorInfo's bytes are read back, long and foreign text too; other bytes are refused", () => {
  const info = { reason: "Ü".repeat(300), domain: "" };
  assert.deepEqual(errorInfoFromBytes(bytesFromErrorInfo(info)), info);
  // A metadata entry (field 3), a fixed64 (field 4) and a fixed32 (field 5) are skipped.
  const foreign = Uint8Array.of(
    ...bytesFromErrorInfo({ reason: "A", domain: "B" }),
    0x1a,
    1,
    0,
    0x21,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    0x2d,
    1,
    2,
    3,
    4,
    0x30,
    0x96,
    1,
  );
  assert.deepEqual(errorInfoFromBytes(foreign), { reason: "A", domain: "B" });
  for (const bad of ["CgRHT0", "/////////////////w", "AA", "Cw"]) {
    assert.equal(errorInfoFromBytes(bytesFromBase64(bad) as Uint8Array), undefined, bad);
    assert.equal(retryAfterMsFromBytes(bytesFromBase64(bad) as Uint8Array), undefined, bad);
  }
});
