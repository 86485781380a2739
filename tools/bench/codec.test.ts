import assert from "node:assert/strict";
import { test } from "node:test";
import { codecTable, runCodec } from "./codec.ts";

test("the codec suite has all libraries write the same bytes, and compares each direction of each message", async () => {
  const outcome = await runCodec({ rounds: 5, seconds: 0.1, say: () => undefined });
  assert.equal(Object.keys(outcome.cases).length, 10, outcome.why.join());
  for (const [name, ratios] of Object.entries(outcome.cases)) {
    assert.deepEqual(Object.keys(ratios), ["@bufbuild/protobuf", "protobufjs"], name);
    for (const ratio of Object.values(ratios)) assert.ok(ratio > 0 && Number.isFinite(ratio), `${name} ${ratio}`);
  }
  const { ratios, intervals } = outcome;
  assert.equal(Object.keys(intervals ?? {}).length, 4);
  for (const [name, [low, high]] of Object.entries(intervals ?? {})) assert.ok(low <= ratios[name]! && ratios[name]! <= high, name);
  assert.equal(ratios["protobufjs"], Math.min(ratios["protobufjs encode"] ?? 0, ratios["protobufjs decode"] ?? 0));
  assert.match(
    codecTable(outcome),
    /page encode +\d+\.\d\d µs +\d+\.\d\d × @bufbuild\/protobuf[^]*protobufjs decode: \d+\.\d\d \(\d+\.\d\d–\d+\.\d\d\) [✓✗] ≥ 1\.00/,
  );
});
