import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FuzzTarget } from "@weir/wire/testing/fuzz-targets";
import { allWays } from "./pieces.ts";

/** What is wrong with an input. */
export interface Failure {
  /** "differs": other pieces gave another outcome; "throws": something happened that no bytes may bring about. */
  readonly kind: "differs" | "throws";
  readonly message: string;
  /** Lengths of the pieces that showed it. */
  readonly pieces: readonly number[];
}

/** A failure, with the least input that shows it. */
export interface Finding extends Failure {
  readonly target: string;
  readonly seed: number;
  /** Number of the input of this target and seed. */
  readonly number: number;
  /** The smallest input found that fails in the same way, in hexadecimal digits. */
  readonly bytes: string;
  readonly originalLength: number;
}

const minimiseMsMax = 20_000;
const messageCharsMax = 2000;
/** More are no faster: what is under way no longer fits into the processor's cache. */
const outcomesAtOnceMax = 16;

/** Compares the outcome of an input whole with that in each of the ways to cut it, 16 at once; the first failure, or undefined. */
export async function failureOf(
  target: FuzzTarget,
  bytes: Uint8Array,
  ways: Iterable<readonly Uint8Array[]>,
): Promise<Failure | undefined> {
  const all = [[bytes], ...ways];
  const outcomes: PromiseSettledResult<string>[] = [];
  for (let at = 0; at < all.length; at += outcomesAtOnceMax) {
    outcomes.push(...(await Promise.allSettled(all.slice(at, at + outcomesAtOnceMax).map(async (pieces) => target.outcome(pieces)))));
  }
  const [whole] = outcomes;
  const at = outcomes.findIndex((one) => one.status === "rejected" || (whole?.status === "fulfilled" && one.value !== whole.value));
  const outcome = outcomes[at];
  const pieces = (all[at] ?? []).map((piece) => piece.length);
  if (outcome?.status === "rejected") {
    const thrown: unknown = outcome.reason;
    return { kind: "throws", message: cut(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)), pieces };
  }
  if (outcome === undefined || whole?.status !== "fulfilled") return undefined;
  return { kind: "differs", message: cut(`whole:\n${whole.value}\nin pieces:\n${outcome.value}`), pieces };
}

function cut(text: string): string {
  return text.slice(0, messageCharsMax);
}

/** The smallest input that still fails in the same way: pieces are left out, first large, then small, for 20 seconds at most. */
export async function minimised(target: FuzzTarget, bytes: Uint8Array, failure: Failure): Promise<{ bytes: Uint8Array; failure: Failure }> {
  let best = { bytes, failure };
  const untilMs = performance.now() + minimiseMsMax;
  for (let length = bytes.length >> 1; length >= 1; length >>= 1) {
    for (let at = 0; at < best.bytes.length && performance.now() < untilMs;) {
      const shorter = Buffer.concat([best.bytes.subarray(0, at), best.bytes.subarray(at + length)]);
      const found = await failureOf(target, shorter, allWays(shorter));
      if (found?.kind === failure.kind) best = { bytes: shorter, failure: found };
      else at += length;
    }
  }
  return best;
}

/** Writes a finding into a folder, one file each, and answers its path. */
export function writeFinding(folder: string, finding: Finding): string {
  const name = createHash("sha256").update(finding.bytes).digest("hex").slice(0, 12);
  const path = join(folder, `${finding.target}-${name}.json`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, `${JSON.stringify(finding, null, 2)}\n`);
  return path;
}

/** Tries a written finding again: what is wrong now, or undefined when it is mended. Throws when no target has its name. */
export async function replayed(path: string, targets: readonly FuzzTarget[]): Promise<Failure | undefined> {
  const { target: name, bytes: digits } = JSON.parse(readFileSync(path, "utf8")) as Finding;
  const target = targets.find((one) => one.name === name);
  if (target === undefined) throw new Error(`expected a target named ${targets.map((one) => one.name).join(", ")}, found ${name}`);
  const bytes = Buffer.from(digits, "hex");
  return failureOf(target, bytes, allWays(bytes));
}
