import { execFileSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import protobuf from "protobufjs";
import type { MessageType } from "@weir/kit/contract";
import type { CodecCase } from "./codec-messages.ts";
import { codecCases } from "./codec-messages.ts";
import type { Interval, Outcome } from "./verdict.ts";
import { bounds, intervalOfMedian, median } from "./verdict.ts";

/** One library with one message: writes it, and reads what it wrote. */
interface Codec {
  readonly name: string;
  encode(): Uint8Array;
  decode(): unknown;
}

/** One message that all libraries write and read. */
interface Contest {
  readonly name: string;
  readonly bytes: number;
  readonly codecs: readonly Codec[];
}

/** How often to measure, and for how long each time. */
export interface CodecOptions {
  readonly rounds: number;
  /** Length of one round over all messages, libraries and directions. */
  readonly seconds: number;
  say(line: string): void;
}

/** The outcome of the suite, with the ratios of each message beside their geometric means. */
export interface CodecOutcome extends Outcome {
  /** "page encode" → "@bufbuild/protobuf" → how many times its CPU time ours is. */
  readonly cases: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const proto = fileURLToPath(new URL("codec.proto", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));
const ours = "weir";

/** What the ratio to a peer should reach, in both directions. */
const targets: Readonly<Record<string, number>> = { "@bufbuild/protobuf": 4, protobufjs: 1 };

/**
 * Encodes and decodes the same messages with our generated code, @bufbuild/protobuf and protobufjs (whose fast path is the
 * code that it generates at run time), in turns A B C A B C in one process. Each library reads the bytes that it wrote; that
 * they are the same message is checked first.
 */
export async function runCodec({ rounds, seconds, say }: CodecOptions): Promise<CodecOutcome> {
  const contests = await openContests();
  const difference = differenceIn(contests);
  if (difference !== undefined) return { valid: false, ratios: {}, why: [difference], standings: [], cases: {} };
  const turnMs = (seconds * 1000) / contests.reduce((sum, { codecs }) => sum + 2 * codecs.length, 0);
  const times = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round++) {
    say(round === 0 ? "  warming up …" : `  round ${round}/${rounds}`);
    for (const contest of contests) {
      for (const direction of ["encode", "decode"] as const) {
        for (const codec of contest.codecs) {
          const micros = cpuMicrosOf(codec[direction], turnMs);
          const key = `${contest.name} ${direction} ${codec.name}`;
          if (round > 0) times.set(key, [...(times.get(key) ?? []), micros]);
        }
      }
    }
  }
  return outcomeOf(contests, times);
}

/** A table of an outcome, for people. */
export function codecTable(outcome: CodecOutcome): string {
  const lines = Object.entries(outcome.cases).map(([name, ratios]) => {
    const cells = Object.entries(ratios).map(([peer, ratio]) => `${ratio.toFixed(2).padStart(6)} × ${peer}`);
    const micros = outcome.standings.find((one) => one.name === name)?.cpuMicros ?? 0;
    return `${name.padEnd(16)}${micros.toFixed(2).padStart(8)} µs  ${cells.join("  ")}`;
  });
  const means = Object.entries(outcome.ratios).flatMap(([name, ratio]) => {
    const target = targets[name.slice(0, name.lastIndexOf(" "))];
    const between = outcome.intervals?.[name]?.map((end) => end.toFixed(2)).join("–");
    return target === undefined ? [] : [`${name}: ${ratio.toFixed(2)} (${between}) ${ratio >= target ? "✓" : "✗"} ≥ ${target.toFixed(2)}`];
  });
  return [`codec: ${outcome.valid ? "valid" : `INVALID\n  ${outcome.why.join("\n  ")}`}`, ...lines, ...means, ""].join("\n");
}

async function openContests(): Promise<Contest[]> {
  const buf = fileURLToPath(import.meta.resolve("@bufbuild/buf/package.json")).replace("package.json", "bin/buf");
  const image = execFileSync(process.execPath, [buf, "build", "tools/bench", "-o", "-"], { cwd: root, maxBuffer: 1 << 26 });
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  const types = await protobuf.load(proto);
  return codecCases().map((one) => {
    const bytes = one.type.toBinary(one.message);
    const desc = registry.getMessage(one.type.typeName);
    if (desc === undefined) throw new Error(`expected ${one.type.typeName} in tools/bench, found none`);
    const type = types.lookupType(one.type.typeName);
    const [theirs, plain] = [fromBinary(desc, bytes), type.decode(bytes)];
    const [theirBytes, plainBytes] = [toBinary(desc, theirs), type.encode(plain).finish()];
    const codecs = [
      oursOf(one, bytes),
      { name: "@bufbuild/protobuf", encode: () => toBinary(desc, theirs), decode: () => fromBinary(desc, theirBytes) },
      { name: "protobufjs", encode: () => type.encode(plain).finish(), decode: () => type.decode(plainBytes) },
    ];
    return { name: one.name, bytes: bytes.length, codecs };
  });
}

function oursOf<T>({ type, message }: CodecCase<T>, bytes: Uint8Array): Codec {
  const typed: MessageType<T> = type;
  // As the others: what was read, whose strings are flat.
  const own = typed.fromBinary(typed.toBinary(message));
  return { name: ours, encode: () => typed.toBinary(own), decode: () => typed.fromBinary(bytes) };
}

/** Why two libraries do not write the same bytes; undefined when all do. */
function differenceIn(contests: readonly Contest[]): string | undefined {
  for (const { name, codecs } of contests) {
    const [first, ...others] = codecs.map((codec) => ({ name: codec.name, bytes: Buffer.from(codec.encode()) }));
    const other = others.find((one) => !first?.bytes.equals(one.bytes));
    if (first !== undefined && other !== undefined) return `${name}: ${first.name} and ${other.name} write different bytes`;
  }
  return undefined;
}

/** CPU time of one call, that of the collector included. */
function cpuMicrosOf(action: () => unknown, turnMs: number): number {
  let count = 0;
  let kept: unknown;
  const untilMs = performance.now() + turnMs;
  const before = process.cpuUsage();
  do {
    for (let batch = 0; batch < 32; batch++) kept = action();
    count += 32;
  } while (performance.now() < untilMs);
  const { user, system } = process.cpuUsage(before);
  if (kept === undefined) throw new Error("expected a result, found none");
  return (user + system) / count;
}

function outcomeOf(contests: readonly Contest[], times: ReadonlyMap<string, readonly number[]>): CodecOutcome {
  const cases: Record<string, Record<string, number>> = {};
  const standings: Outcome["standings"][number][] = [];
  /** "protobufjs encode" → by message, then by round, how many times its CPU time ours was. */
  const paired = new Map<string, number[][]>();
  for (const { name, codecs } of contests) {
    for (const direction of ["encode", "decode"]) {
      const [own, ...peers] = codecs.map((codec) => ({ name: codec.name, turns: times.get(`${name} ${direction} ${codec.name}`) ?? [] }));
      if (own === undefined) continue;
      const found: Record<string, number> = {};
      for (const peer of peers) {
        const ratios = peer.turns.map((micros, round) => micros / (own.turns[round] ?? NaN));
        const key = `${peer.name} ${direction}`;
        paired.set(key, [...(paired.get(key) ?? []), ratios]);
        found[peer.name] = median(ratios);
      }
      cases[`${name} ${direction}`] = found;
      const cpuMicros = median(own.turns);
      const spread = (Math.max(...own.turns) - Math.min(...own.turns)) / cpuMicros;
      standings.push({ name: `${name} ${direction}`, cpuMicros, spread, ...unloaded(cpuMicros) });
    }
  }
  return { ...meansOf(paired), standings, cases };
}

function unloaded(
  micros: number,
): Pick<Outcome["standings"][number], "utilisation" | "loadUtilisation" | "requestsPerSecond" | "latencyMsP99" | "turns"> {
  return { utilisation: 1, loadUtilisation: 0, requestsPerSecond: 1e6 / micros, latencyMsP99: 0, turns: 0 };
}

/**
 * Geometric means over all messages, "protobufjs encode", and of each peer the lower of its two. A mean is the median over the rounds,
 * each round's own mean taken from turns beside each other, so that a machine that is slower for a while slows both.
 */
function meansOf(
  paired: ReadonlyMap<string, readonly (readonly number[])[]>,
): Pick<CodecOutcome, "ratios" | "intervals" | "valid" | "why"> {
  const ratios: Record<string, number> = {};
  const intervals: Record<string, Interval> = {};
  const why: string[] = [];
  for (const [key, messages] of paired) {
    const byRound = (messages[0] ?? []).map((_, round) =>
      Math.exp(messages.reduce((sum, turns) => sum + Math.log(turns[round] ?? NaN), 0) / messages.length),
    );
    const ratio = median(byRound);
    const interval = intervalOfMedian(byRound);
    const error = interval === undefined ? Infinity : (interval[1] - interval[0]) / 2 / ratio;
    if (error > bounds.ratioErrorMax) why.push(`${key}: rounds differ: its ratio is known to ±${(error * 100).toFixed(0)} % only`);
    const peer = key.slice(0, key.lastIndexOf(" "));
    ratios[key] = ratio;
    ratios[peer] = Math.min(ratios[peer] ?? Infinity, ratio);
    if (interval) intervals[key] = interval;
  }
  return { ratios, intervals, valid: why.length === 0, why };
}
