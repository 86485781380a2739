import assert from "node:assert/strict";
import { test } from "node:test";
import { base64FromBytes } from "../contract/base64.ts";
import type { Code } from "../fault.ts";
import { codes, fault } from "../fault.ts";
import { bytesFromRpcStatus, rpcStatusFromBytes } from "./error-detail.ts";
import { errorJsonFromFault, faultFromErrorJson } from "./error-json.ts";
import { detailFromMessage, messageFromDetail } from "./fault-detail.ts";
import { faultFromTrailers, hasGrpcStatus, percentDecoded, percentEncoded, trailersFromFault } from "./grpc-status.ts";
import { HelloRequest } from "./testdata/greeter.weir.ts";

const detail = detailFromMessage(HelloRequest, HelloRequest.create({ name: "Ada" }));

test("every code survives the way to trailers and back, with reason, details and retryAfterMs", () => {
  for (const code of Object.keys(codes) as Code[]) {
    const given = fault({ reason: "OUT_OF_STOCK", code }, "Ünless 3 % 😀\n.", { retryAfterMs: 1500.25, details: [detail] });
    const trailers = trailersFromFault(given, "shop.v1.Shop");
    assert.ok(hasGrpcStatus(trailers));
    assert.ok(trailers.every((text) => /^[ -~]*$/.test(text)));
    const back = faultFromTrailers(trailers);
    assert.ok(back);
    assert.deepEqual([back.code, back.reason, back.message, back.retryAfterMs], [code, "OUT_OF_STOCK", given.message, 1500.25]);
    assert.deepEqual(back.details, [{ typeName: HelloRequest.typeName, value: undefined, bytes: detail.bytes }]);
    assert.deepEqual(back.details[0] && messageFromDetail(HelloRequest, back.details[0]), HelloRequest.create({ name: "Ada" }));
  }
});

test("details keep their bytes on the way to error JSON and back", () => {
  const given = fault({ reason: "PEER_FAULT", code: "ABORTED" }, "", {
    details: [detail, { typeName: "a.Foreign", value: undefined, bytes: Uint8Array.of(8, 1) }],
  });
  const json: unknown = JSON.parse(JSON.stringify(errorJsonFromFault(given, "a.B")));
  assert.deepEqual(faultFromErrorJson(json)?.details, [
    { typeName: HelloRequest.typeName, value: { name: "Ada" }, bytes: detail.bytes },
    { typeName: "a.Foreign", value: undefined, bytes: Uint8Array.of(8, 1) },
  ]);
});

test("a fault that names no reason is handed on without an ErrorInfo", () => {
  assert.deepEqual(trailersFromFault(fault({ reason: "PEER_FAULT", code: "NOT_FOUND" }, "x"), "a.B"), [
    "grpc-status",
    "5",
    "grpc-message",
    "x",
  ]);
});

test("an ErrorInfo with metadata travels in binary", () => {
  const info = { reason: "QUOTA", domain: "x", metadata: { limit: "5", who: "Ünn" } };
  const given = fault({ reason: "QUOTA", code: "RESOURCE_EXHAUSTED" }, "", {
    details: [{ typeName: "google.rpc.ErrorInfo", value: info }],
  });
  const back = faultFromTrailers(trailersFromFault(given, "y"));
  assert.equal(back?.reason, "QUOTA");
  assert.deepEqual(back?.details[0]?.value, info);
});

test("details that have no binary form stay at home", () => {
  const given = fault({ reason: "PEER_FAULT", code: "INTERNAL" }, "", { details: [{ typeName: "a.B", value: { c: 1 } }] });
  assert.deepEqual(trailersFromFault(given, "y"), ["grpc-status", "13"]);
});

test("what trailers say is read leniently", () => {
  assert.equal(faultFromTrailers(["grpc-status", "0", "grpc-message", "fine"]), undefined);
  assert.equal(faultFromTrailers(["x", "y"])?.reason, "PEER_ANSWER_INVALID");
  for (const status of ["17", "-1", "abc", "", "999"]) assert.equal(faultFromTrailers(["grpc-status", status])?.code, "UNKNOWN", status);
  const cut = faultFromTrailers(["grpc-status", "5", "grpc-message", "m", "grpc-status-details-bin", "!!"]);
  assert.deepEqual([cut?.code, cut?.message, cut?.details], ["NOT_FOUND", "m", []]);
  const inner = base64FromBytes(bytesFromRpcStatus({ code: 5, message: "inner", details: [] }));
  assert.equal(faultFromTrailers(["grpc-status", "5", "grpc-status-details-bin", inner])?.message, "inner");
});

test("grpc-message is percent-encoded as gRPC says, and read whatever it holds", () => {
  assert.equal(percentEncoded("a%b\t☺~ "), "a%25b%09%E2%98%BA~ ");
  assert.equal(percentDecoded("a%25b%09%e2%98%ba~ "), "a%b\t☺~ ");
  assert.equal(percentDecoded("100% of %zz %4"), "100% of %zz %4");
});

test("a Status is protobuf, with what is unknown passed over and what is malformed refused", () => {
  const status = { code: 3, message: "m", details: [{ typeName: "a.B", bytes: Uint8Array.of(1, 2, 3) }] };
  const bytes = bytesFromRpcStatus(status);
  assert.deepEqual(rpcStatusFromBytes(Uint8Array.of(...bytes, 0x48, 1)), status);
  assert.equal(rpcStatusFromBytes(bytes.subarray(0, bytes.length - 1)), undefined);
});

test("a status stays small enough to arrive, whatever its fault holds", () => {
  const small = { typeName: "a.Small", value: undefined, bytes: new Uint8Array(100) };
  const large = { typeName: "a.Large", value: undefined, bytes: new Uint8Array(5000) };
  for (const letter of ["x", "%", "ü", "☺", "😀"]) {
    const given = fault({ reason: "BIG", code: "ABORTED" }, letter.repeat(100_000), { details: [large, small], retryAfterMs: 1 });
    const trailers = trailersFromFault(given, "a.B");
    assert.ok(trailers.join("").length + 32 * trailers.length < 8192, String(trailers.join("").length));
    const back = faultFromTrailers(trailers);
    assert.deepEqual([back?.code, back?.reason, back?.retryAfterMs, back?.details], ["ABORTED", "BIG", 1, [small]]);
    assert.ok((back?.message.length ?? 0) > 150 && given.message.startsWith(back?.message ?? "?"), letter);
  }
});
