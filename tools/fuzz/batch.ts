import type { FuzzTarget } from "@weir/wire/testing/fuzz-targets";
import { randomFrom } from "@weir/wire/testing/fuzz-targets";
import type { Failure, Finding } from "./finding.ts";
import { failureOf, minimised } from "./finding.ts";
import { waysOf } from "./pieces.ts";

/** Inputs of one target, from a number on. Each follows from seed, target and number alone. */
export interface Batch {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** One input in so many is cut in two at every boundary. */
  readonly cutOneIn: number;
}

/** A parser that fails at everything need not be told of for ever. */
export const findingsMax = 20;

const inputsAtOnce = 4;

/** Tries all inputs of a batch, four at once, and answers with at most 20 findings. */
export async function findingsOf(target: FuzzTarget, batch: Batch): Promise<Finding[]> {
  const end = batch.from + batch.count;
  const failed: Try[] = [];
  const { stackTraceLimit } = Error;
  // A fourth of the time would go into stacks of refusals. What fails is tried again with them.
  Error.stackTraceLimit = 0;
  for (let from = batch.from; from < end && failed.length < findingsMax; from += inputsAtOnce) {
    const numbers = Array.from({ length: Math.min(inputsAtOnce, end - from) }, (_, place) => from + place);
    const tries = await Promise.all(numbers.map((number) => tried(target, batch, number)));
    failed.push(...tries.filter(({ failure }) => failure !== undefined));
  }
  Error.stackTraceLimit = stackTraceLimit;
  const findings: Finding[] = [];
  for (const { number, bytes, failure } of failed.slice(0, findingsMax)) {
    const least = await minimised(target, bytes, failure as Failure);
    const digits = Buffer.from(least.bytes).toString("hex");
    findings.push({ target: target.name, seed: batch.seed, number, ...least.failure, bytes: digits, originalLength: bytes.length });
  }
  return findings;
}

interface Try {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly failure: Failure | undefined;
}

async function tried(target: FuzzTarget, { seed, cutOneIn }: Batch, number: number): Promise<Try> {
  const random = randomFrom(Math.imul(seed ^ nameHash(target.name), 0x9e3779b1) + number);
  const bytes = target.make(random);
  return { number, bytes, failure: await failureOf(target, bytes, waysOf(bytes, random, number % cutOneIn === 0)) };
}

function nameHash(name: string): number {
  let hash = 0;
  for (const character of name) hash = Math.imul(hash, 31) + character.charCodeAt(0);
  return hash;
}
