import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { FuzzTarget } from "@weir/wire/testing/fuzz-targets";
import { fuzzTargets } from "@weir/wire/testing/fuzz-targets";
import type { Finding } from "./finding.ts";
import { replayed, writeFinding } from "./finding.ts";
import { fuzz, type FuzzReport } from "./fuzz.ts";
import { startThreads } from "./threads.ts";

// In CI a minute, elsewhere as long as it takes to see that everything runs.
const seconds = Number(process.env["WEIR_FUZZ_SECONDS"] ?? (process.env["CI"] === "true" ? 60 : 10));
const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 2 ** 31);
const silent = { progress: () => undefined, found: () => undefined };

test(`${seconds} s of broken inputs bring nothing to light in any parser (WEIR_SEED=${seed})`, async (t) => {
  const report = await fuzz({ ...silent, targets: fuzzTargets, seed, seconds });
  assert.deepEqual(report.findings, []);
  assert.ok(
    Object.values(report.targets).every((count) => count > 100),
    JSON.stringify(report.targets),
  );
  t.diagnostic(`${report.inputs} inputs: ${JSON.stringify(report.targets)}`);
});

/** Lines of text, by a planted parser. */
function lines(name: string, outcome: (pieces: readonly Uint8Array[]) => string): FuzzTarget {
  return {
    name,
    make: (random) => Buffer.from(Array.from({ length: 40 }, () => "ab\r\nx!"[random(6)]).join("")),
    outcome: async (pieces) => outcome(pieces),
  };
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
/** Looks for CRLF in each piece by itself, as careless parsers do. */
const forgetful = lines("forgetful", (pieces) => `${pieces.reduce((sum, piece) => sum + textOf(piece).split("\r\n").length - 1, 0)} lines`);
const fragile = lines("fragile", (pieces) => {
  const text = pieces.map(textOf).join("");
  if (text.includes("x!")) throw new Error("out of bounds");
  return text;
});
const sound = lines("sound", (pieces) => pieces.map(textOf).join(""));

test("a planted parser that forgets what came before a cut is found out, with the least input", async () => {
  const told: Finding[] = [];
  const report = await fuzz({ ...silent, targets: [forgetful], seed: 1, inputs: 5000, found: (one) => void told.push(one) });
  assert.equal(report.ok, false);
  assert.deepEqual(report.findings, told);
  assert.equal(report.findings.length, 20, "no more than 20 are told of");
  for (const { kind, bytes, originalLength } of report.findings) assert.deepEqual([kind, bytes, originalLength], ["differs", "0d0a", 40]);
});

test("a planted parser that throws is found out, with the least input", async () => {
  const { findings } = await fuzz({ ...silent, targets: [sound, fragile], seed: 1, inputs: 200 });
  assert.ok(findings.length > 0);
  for (const { target, kind, bytes, message } of findings) {
    assert.deepEqual([target, kind, bytes], ["fragile", "throws", Buffer.from("x!").toString("hex")]);
    assert.match(message, /out of bounds/);
  }
});

test("a finding is written, and tried again until it is mended", async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/weir-fuzz-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const { findings } = await fuzz({ ...silent, targets: [forgetful], seed: 3, inputs: 100 });
  const path = writeFinding(folder, findings[0] as Finding);
  assert.equal((await replayed(path, [forgetful]))?.kind, "differs");
  assert.equal(await replayed(path, [{ ...sound, name: "forgetful" }]), undefined);
  await assert.rejects(replayed(path, [sound]), /expected a target named sound, found forgetful/);
});

test("the same seed makes the same inputs, another seed makes others", async () => {
  const seen: string[] = [];
  const watched: FuzzTarget = {
    ...sound,
    outcome: async ([first]) =>
      seen
        .push(textOf(first as Uint8Array))
        .toString()
        .slice(0, 0),
  };
  for (const one of [5, 5, 6]) await fuzz({ ...silent, targets: [watched], seed: one, inputs: 1 });
  const starts = seen.filter((text) => text.length === 40);
  assert.equal(starts[0], starts[1]);
  assert.notEqual(starts[0], starts[2]);
});

test("a run tells how far it has come and ends at its bound", async () => {
  const states: number[] = [];
  const report = await fuzz({
    ...silent,
    targets: [sound],
    seed: 1,
    inputs: 77,
    progress: ({ report: { inputs } }) => void states.push(inputs),
  });
  assert.equal(report.inputs, 77);
  assert.equal(states.at(-1), 77);
});

test("every input is tried byte by byte, one in sixteen also cut in two at every boundary", async () => {
  const tried: number[][] = [];
  const watched: FuzzTarget = {
    ...sound,
    outcome: (pieces) => {
      tried.push(pieces.map(({ length }) => length));
      return sound.outcome(pieces);
    },
  };
  await fuzz({ ...silent, targets: [watched], seed: 4, inputs: 32 });
  const shown = tried.map((lengths) => lengths.join(" "));
  const times = (lengths: readonly number[]): number => shown.filter((one) => one === lengths.join(" ")).length;
  assert.equal(times([40]), 32);
  assert.ok(times(Array.from({ length: 40 }, () => 1)) >= 32);
  for (let at = 1; at < 40; at += 1) assert.ok(times([at, 40 - at]) >= 2, `cut at ${at}`);
});

test("a run goes on where an earlier one of its seed was left, and tries the same inputs as one in a go", async () => {
  const inputs = async (pauses: readonly number[]): Promise<string[]> => {
    const seen: string[] = [];
    const watched: FuzzTarget = {
      ...sound,
      outcome: (pieces) => {
        if (pieces.length === 1) seen.push(textOf(pieces[0] as Uint8Array));
        return sound.outcome(pieces);
      },
    };
    let earlier: FuzzReport | undefined;
    for (const inputsMax of pauses) earlier = await fuzz({ ...silent, targets: [watched, sound], seed: 9, inputs: inputsMax, earlier });
    assert.equal(earlier?.inputs, pauses.at(-1));
    return seen.toSorted();
  };
  assert.deepEqual(await inputs([70, 200, 512]), await inputs([512]));
});

test("threads try what one thread would, and one that dies tells which inputs did it", async (t) => {
  const targets = fuzzTargets.filter(({ name }) => name === "hpack");
  const threads = startThreads(2);
  t.after(() => threads.close());
  const report = await fuzz({ ...silent, targets, seed: 2, inputs: 500, runners: threads.runners });
  assert.deepEqual([report.ok, report.inputs, report.targets["hpack"]], [true, 500, 500]);
  const unknown = fuzz({ ...silent, targets: [sound], seed: 2, inputs: 32, runners: threads.runners.slice(0, 1) });
  await assert.rejects(unknown, /expected sound to survive inputs 0 to 32 of seed 2/);
});
