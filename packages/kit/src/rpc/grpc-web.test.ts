import assert from "node:assert/strict";
import { test } from "node:test";
import { kitReasons } from "../reasons.ts";
import { bytesFromTextBody, bytesFromTrailers, createTextBodyReader, textFromBody, trailersFromBytes } from "./grpc-web.ts";

test("trailers are an envelope with flag 0x80 that reads back", () => {
  const trailers = ["grpc-status", "5", "grpc-message", "No film: 9", "x-a-bin", "AAEC"];
  const bytes = bytesFromTrailers(trailers);
  assert.deepEqual([...bytes.subarray(0, 5)], [0x80, 0, 0, 0, bytes.length - 5]);
  assert.equal(Buffer.from(bytes.subarray(5)).toString(), "grpc-status: 5\r\ngrpc-message: No film: 9\r\nx-a-bin: AAEC\r\n");
  assert.deepEqual(trailersFromBytes(bytes.subarray(5)), trailers);
});

test("trailers of others are read: without spaces, in capitals, with bare line feeds", () => {
  assert.deepEqual(trailersFromBytes(Buffer.from("Grpc-Status:0\nX-B:  2 \r\n")), ["grpc-status", "0", "x-b", "2"]);
  assert.throws(() => trailersFromBytes(Buffer.from("nonsense\r\n")), { reason: "PEER_ANSWER_INVALID" });
});

test("the text form is read however it was cut and wherever it was padded", async () => {
  const parts = ["a", "bc", "def", "ghij", ""].map((text) => Buffer.from(text));
  const text = Buffer.concat(parts.map((part) => textFromBody(part)));
  for (let size = 1; size <= text.length; size++) {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < text.length; at += size) yield text.subarray(at, at + size);
    }
    const found: Uint8Array[] = [];
    for await (const bytes of bytesFromTextBody(pieces(), kitReasons.ENVELOPE_INVALID)) found.push(bytes);
    assert.equal(Buffer.concat(found).toString(), "abcdefghij");
  }
});

test("text without its last padding is read, other text is refused with the reason given", () => {
  const reader = createTextBodyReader(kitReasons.ENVELOPE_INVALID);
  assert.equal(Buffer.from(reader.push(Buffer.from("YWI"))).toString() + Buffer.from(reader.end()).toString(), "ab");
  for (const text of ["YW*=", "=YWI", "Y===", "YWI=Y"]) {
    const each = createTextBodyReader(kitReasons.ENVELOPE_INVALID);
    assert.throws(() => [each.push(Buffer.from(text)), each.end()], { reason: "ENVELOPE_INVALID" }, text);
  }
});
