import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBytes } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Fault } from "../fault.ts";
import type { Compressor } from "./compression.ts";
import { compressorAccepted, compressorFromHeader, encodingList, streamGzip } from "./compression.ts";
import { gzip } from "./node/gzip.ts";

const reasonOf = async (run: () => unknown): Promise<string> => {
  try {
    await run();
  } catch (thrown) {
    return (thrown as Fault).reason;
  }
  return "none";
};

for (const [where, compressor] of Object.entries({ "node/gzip": gzip, streamGzip }) as [string, Compressor][]) {
  test(`${where} reads what zlib wrote and zlib what it wrote, small and large`, async () => {
    for (const size of [1, 1000, 300_000]) {
      const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 7) & 255);
      assert.deepEqual(new Uint8Array(gunzipSync(await compressor.compress(bytes))), bytes);
      assert.deepEqual(new Uint8Array(await compressor.decompress(gzipSync(bytes), size)), bytes);
    }
    assert.equal((await compressor.decompress(new Uint8Array(0), 10)).length, 0);
  });

  test(`${where} refuses a message that grows beyond its limit, malformed bytes and bytes behind the end`, async () => {
    const bomb = gzipSync(new Uint8Array(10_000_000));
    assert.equal(await reasonOf(() => compressor.decompress(bomb, 9_999_999)), "DECOMPRESSED_TOO_LARGE");
    const large = gzipSync(randomBytes(200_000));
    assert.equal(await reasonOf(() => compressor.decompress(large, 199_999)), "DECOMPRESSED_TOO_LARGE");
    const small = gzipSync(Buffer.from("hello"));
    assert.equal(await reasonOf(() => compressor.decompress(small, 4)), "DECOMPRESSED_TOO_LARGE");
    assert.equal(await reasonOf(() => compressor.decompress(small, 0)), "DECOMPRESSED_TOO_LARGE");
    assert.equal(await reasonOf(() => compressor.decompress(Buffer.from("hello"), 100)), "ENCODING_INVALID");
    assert.equal(await reasonOf(() => compressor.decompress(small.subarray(0, 12), 100)), "ENCODING_INVALID");
    assert.equal(await reasonOf(() => compressor.decompress(Buffer.concat([small, Buffer.from("more")]), 100)), "ENCODING_INVALID");
  });
}

test("a header names a compressor, none, or is refused with the list of those that are known", () => {
  for (const header of [undefined, "identity", ""]) assert.equal(compressorFromHeader(header, [gzip]), undefined);
  assert.equal(compressorFromHeader("gzip", [gzip]), gzip);
  assert.throws(() => compressorFromHeader("br", [gzip]), { reason: "ENCODING_UNSUPPORTED", message: /identity, gzip, found "br"/ });
  assert.equal(encodingList([gzip, { ...gzip, name: "zstd" }]), "gzip,zstd");
});

test("what the other side accepts is found in its list, but not what it gives a weight of 0", () => {
  for (const header of ["gzip", "br, gzip", "identity,deflate,gzip", "gzip;q=0.5", "br;q=1.0, gzip; q=0.8"]) {
    assert.equal(compressorAccepted(header, [gzip]), gzip, header);
  }
  for (const header of [undefined, "", "identity", "br", "xgzip", "gzip;q=0", "gzip; q=0.000"]) {
    assert.equal(compressorAccepted(header, [gzip]), undefined, String(header));
  }
});
