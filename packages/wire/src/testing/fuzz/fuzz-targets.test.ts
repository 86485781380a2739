import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { turn } from "../turns.ts";
import { fuzzTargets, randomFrom } from "./fuzz-targets.ts";

const inputs = Number(process.env["WEIR_FUZZ_INPUTS"] ?? 1000);
const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 2 ** 31);

for (const target of fuzzTargets) {
  test(`${target.name} does the same with ${inputs} broken inputs whatever the pieces (WEIR_SEED=${seed})`, async () => {
    for (let number = 0; number < inputs; number += 1) {
      const random = randomFrom(seed + number);
      const bytes = target.make(random);
      const whole = await target.outcome([bytes]);
      const at = random(bytes.length + 1);
      const halves = [bytes.subarray(0, at), bytes.subarray(at)];
      const pieces = number % 4 === 0 ? Array.from(bytes, (byte) => Uint8Array.of(byte)) : halves;
      const input = `input ${number}, pieces ${pieces.map(({ length }) => length).join(" ")}: ${Buffer.from(bytes).toString("hex")}`;
      assert.equal(await target.outcome(pieces), whole, input);
    }
  });

  test(`${target.name} does the same with inputs cut at every byte (WEIR_SEED=${seed})`, async () => {
    for (let number = 0; number < 5; number += 1) {
      const bytes = target.make(randomFrom(seed + number));
      const whole = await target.outcome([bytes]);
      const input = `input ${number}: ${Buffer.from(bytes).toString("hex")}`;
      const octets = Array.from(bytes, (byte) => Uint8Array.of(byte));
      assert.equal(await target.outcome(octets), whole, `byte by byte, ${input}`);
      for (let at = 1; at < bytes.length; at += 1) {
        assert.equal(await target.outcome([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}, ${input}`);
      }
    }
  });
}

test("targets let go of what is over, so that a fuzzer may run for a night", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const held = async (count: number): Promise<number> => {
    for (const target of fuzzTargets)
      for (let number = 0; number < count; number += 1) await target.outcome([target.make(randomFrom(number))]);
    await turn();
    collect();
    return process.memoryUsage().heapUsed;
  };
  await held(500);
  const before = await held(500);
  const after = await held(1500);
  // A connection holds 5 kB and more: 7 targets × 1,500 of them would be some 50 MB.
  assert.ok(after - before < 15e6, `${before} bytes, then ${after}`);
});
