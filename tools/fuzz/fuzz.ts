import type { FuzzTarget } from "@weir/wire/testing/fuzz-targets";
import { randomFrom } from "@weir/wire/testing/fuzz-targets";
import type { Finding } from "./finding.ts";
import { failureOf, minimised } from "./finding.ts";
import { everyCut, octets, randomPieces } from "./pieces.ts";

/** How long to fuzz, and with what. */
export interface FuzzOptions {
  readonly targets: readonly FuzzTarget[];
  readonly seed: number;
  /** Ends after so long, or after so many inputs, whatever comes first. Default: no bound of this kind. */
  readonly seconds?: number;
  readonly inputs?: number;
  /** Told every five seconds, and at the end. */
  readonly progress: (state: FuzzProgress) => void;
  readonly found: (finding: Finding) => void;
}

/** How far a run has come. */
export interface FuzzProgress {
  readonly inputs: number;
  /** Inputs a second so far. */
  readonly rate: number;
  /** Until the end, by what has been seen; undefined while nothing has. */
  readonly secondsLeft: number | undefined;
  readonly findings: number;
}

/** What a run came to. */
export interface FuzzReport {
  readonly ok: boolean;
  readonly seed: number;
  readonly inputs: number;
  readonly seconds: number;
  /** Inputs of each target. */
  readonly targets: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

const batch = 32;
const progressMs = 5000;
/** A parser that fails at everything need not be told of for ever. */
const findingsMax = 20;

/**
 * Makes inputs for each target in turn and compares the outcome of each whole with that in pieces: mostly random ones, one in
 * sixteen byte by byte, and one in sixteen cut at every place. Every input follows from seed, target and number alone.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { targets, seed, seconds = Infinity, inputs: inputsMax = Infinity } = options;
  const startedMs = performance.now();
  const counts = new Map(targets.map(({ name }) => [name, 0]));
  const findings: Finding[] = [];
  let inputs = 0;
  let toldMs = startedMs;
  const passed = (): number => (performance.now() - startedMs) / 1000;
  const isOver = (): boolean => inputs >= inputsMax || passed() >= seconds || findings.length >= findingsMax;
  const tell = (): void => {
    const rate = inputs / Math.max(0.001, passed());
    const left = Math.min(seconds - passed(), rate === 0 ? Infinity : (inputsMax - inputs) / rate);
    options.progress({ inputs, rate, secondsLeft: Number.isFinite(left) ? Math.max(0, left) : undefined, findings: findings.length });
  };
  while (!isOver()) {
    for (const target of targets) {
      for (let count = 0; count < batch && !isOver(); count++, inputs++) {
        const number = counts.get(target.name) ?? 0;
        counts.set(target.name, number + 1);
        const finding = await tried(target, seed, number);
        if (finding === undefined) continue;
        findings.push(finding);
        options.found(finding);
      }
      if (performance.now() - toldMs < progressMs) continue;
      toldMs = performance.now();
      tell();
    }
  }
  tell();
  return { ok: findings.length === 0, seed, inputs, seconds: passed(), targets: Object.fromEntries(counts), findings };
}

async function tried(target: FuzzTarget, seed: number, number: number): Promise<Finding | undefined> {
  const random = randomFrom(Math.imul(seed ^ nameHash(target.name), 0x9e3779b1) + number);
  const bytes = target.make(random);
  const ways = number % 16 === 0 ? everyCut(bytes) : [number % 16 === 1 ? octets(bytes) : randomPieces(bytes, random)];
  const failure = await failureOf(target, bytes, ways);
  if (failure === undefined) return undefined;
  const least = await minimised(target, bytes, failure);
  const digits = Buffer.from(least.bytes).toString("hex");
  return { target: target.name, seed, number, ...least.failure, bytes: digits, originalLength: bytes.length };
}

function nameHash(name: string): number {
  let hash = 0;
  for (const character of name) hash = Math.imul(hash, 31) + character.charCodeAt(0);
  return hash;
}
