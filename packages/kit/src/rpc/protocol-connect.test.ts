import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import { isFault } from "../fault.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { endStreamFromJson, endStreamJson, headersFromCall, isContentType, jsonFromText, timeoutMsFromHeader } from "./protocol-connect.ts";

test("a content type is compared without regard to case, and with UTF-8 as its only charset", () => {
  for (const good of ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"']) {
    assert.equal(isContentType(good, "application/json"), true, good);
  }
  for (const bad of [
    undefined,
    "",
    "application/jsonx",
    "text/json",
    "application/json; charset=latin1",
    "application/connect+json",
    "application/json, text/plain",
  ]) {
    assert.equal(isContentType(bad, "application/json"), false, String(bad));
  }
});

test("a timeout is at most ten digits", () => {
  assert.equal(timeoutMsFromHeader("0"), 0);
  assert.equal(timeoutMsFromHeader("9999999999"), 9_999_999_999);
  for (const bad of ["", "-1", "1.5", "1e3", " 1", "12345678901", "abc", "0x10"]) {
    assert.throws(
      () => timeoutMsFromHeader(bad),
      (thrown) => isFault(thrown) && thrown.reason === "TIMEOUT_INVALID",
      bad,
    );
  }
});

test("a call's headers name protocol, time left, trace, and its metadata", async () => {
  const clock = createVirtualClock();
  const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };
  const call = new Call({ clock, timeoutMs: 1000, trace, metadata: ["authorization", "Bearer x"] });
  await clock.advance(250.5);
  assert.deepEqual(headersFromCall(call, "application/json"), [
    "content-type",
    "application/json",
    "connect-protocol-version",
    "1",
    "connect-timeout-ms",
    "750",
    "traceparent",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "authorization",
    "Bearer x",
  ]);
  assert.deepEqual(headersFromCall(new Call(), "x"), ["content-type", "x", "connect-protocol-version", "1"]);
});

test("an end message carries error and metadata both ways", () => {
  assert.equal(endStreamJson(undefined, []), "{}");
  const text = endStreamJson({ code: "aborted", message: "m", details: [] }, ["a", "1", "b", "2", "a", "3", "__proto__", "4"]);
  const end = endStreamFromJson(JSON.parse(text));
  assert.equal(end.fault?.code, "ABORTED");
  assert.deepEqual(end.metadata.slice(0, 6), ["a", "1", "a", "3", "b", "2"]);
  assert.equal(endStreamFromJson({ error: {} }).fault?.reason, "PEER_FAULT");
  assert.deepEqual(endStreamFromJson({ metadata: { A: "no list", b: [1, "x"] } }), { fault: undefined, metadata: ["b", "x"] });
  for (const bad of [null, 1, "x", []]) assert.throws(() => endStreamFromJson(bad), /Expected an object/);
});

test("JSON that cannot be parsed is refused with the given reason and a short excerpt", () => {
  assert.throws(
    () => jsonFromText("{", "body"),
    (thrown) => isFault(thrown) && thrown.reason === "JSON_INVALID" && thrown.code === "INVALID_ARGUMENT",
  );
  const long = `{"a": ${"x".repeat(10_000)}}`;
  assert.throws(
    () => jsonFromText(long, "body"),
    (thrown) => isFault(thrown) && thrown.message.length < 200,
  );
});
