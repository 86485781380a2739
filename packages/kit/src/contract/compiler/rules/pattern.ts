import type { Pattern, PatternTree, Ranges } from "./pattern-tree.ts";
import { parsePattern } from "./pattern-tree.ts";

/** A pattern as JavaScript matches it, or why it is not taken. */
export type FoundPattern = TakenPattern | { readonly problem: string };

interface TakenPattern {
  readonly source: string;
  readonly flags: string;
  /** It must not be tried on a text of more characters, which could make it slow; undefined when no text can. */
  readonly lengthMax: number | undefined;
  readonly problem?: undefined;
}

const placesMax = 2000;
const stepsMax = 50_000_000;
const charactersMax = 4 * 1024 * 1024;

/**
 * A pattern in the syntax of RE2 as one of JavaScript, which goes back where it has tried in vain. RE2 never does; so only
 * patterns are taken for which going back cannot be made expensive: those in which each character decides how to go on, and
 * others if there are at most 50 million ways to try on a text of `lengthMax` characters (default: the 4 Mi of a request).
 */
export function patternFrom(text: string, lengthMax: number = charactersMax): FoundPattern {
  let pattern: Pattern;
  try {
    pattern = parsePattern(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { problem: `which has ${error.message}` };
  }
  const flags = `u${pattern.ignoresCase ? "i" : ""}${pattern.isMultiline ? "m" : ""}`;
  const problem = problemOf(pattern, lengthMax);
  if (problem !== undefined) return { problem };
  const isBound = problemOf(pattern, charactersMax) !== undefined;
  return { source: sourceOf(pattern.tree), flags, lengthMax: isBound ? lengthMax : undefined };
}

function sourceOf(tree: PatternTree): string {
  switch (tree.kind) {
    case "one":
    case "edge":
      return tree.source;
    case "all":
      return tree.parts.map((part) => (part.kind === "any" ? `(?:${sourceOf(part)})` : sourceOf(part))).join("");
    case "any":
      return tree.parts.map(sourceOf).join("|");
    case "times": {
      const { min, max, lazy } = tree;
      const part = tree.part.kind === "one" ? sourceOf(tree.part) : `(?:${sourceOf(tree.part)})`;
      return `${part}{${min},${max === Infinity ? "" : max}}${lazy ? "?" : ""}`;
    }
  }
}

function problemOf({ tree, ignoresCase, isMultiline }: Pattern, lengthMax: number): string | undefined {
  const begun = !isMultiline && begins(tree);
  if (begun && decides(tree, ignoresCase)) return undefined;
  const { ways, loops, nested } = waysThrough(tree);
  if (nested) return "in which a repetition is repeated so that the time may grow exponentially with the text";
  if (ways * lengthMax ** (loops + (begun ? 0 : 1)) <= stepsMax) return undefined;
  return "whose time may grow faster than the text: begin it with ^, repeat less, or give the field a smaller max_len";
}

/** Whether it can match only from the begin of the text. */
function begins(tree: PatternTree): boolean {
  if (tree.kind === "all") return tree.parts[0] !== undefined && begins(tree.parts[0]);
  if (tree.kind === "any") return tree.parts.every(begins);
  return tree.kind === "edge" && tree.source === "^";
}

/** How many ways may be tried: `ways` without the loops, each of which has as many as the text has characters. */
function waysThrough(tree: PatternTree): { readonly ways: number; readonly loops: number; readonly nested: boolean } {
  if (tree.kind === "one" || tree.kind === "edge") return { ways: 1, loops: 0, nested: false };
  if (tree.kind === "times") {
    const { ways, loops, nested } = waysThrough(tree.part);
    if (tree.max === Infinity) return { ways, loops: loops + 1, nested: nested || loops > 0 || ways > 1 };
    return { ways: ways ** tree.max * (tree.max - tree.min + 1), loops: loops * tree.max, nested };
  }
  const parts = tree.parts.map(waysThrough);
  const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
  return {
    ways: tree.kind === "any" ? sum(parts.map(({ ways }) => ways)) : parts.reduce((all, { ways }) => all * ways, 1),
    loops: tree.kind === "any" ? Math.max(...parts.map(({ loops }) => loops)) : sum(parts.map(({ loops }) => loops)),
    nested: parts.some(({ nested }) => nested),
  };
}

/** A character of the pattern, and those that may come behind it (Glushkov's automaton). */
interface Place {
  readonly ranges: Ranges;
  readonly next: number[];
}

interface Reach {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly empty: boolean;
}

const nothing: Reach = { first: [], last: [], empty: true };

/** Whether each character leaves one way to go on: then nothing is ever tried twice. False, too, for what is too large to tell. */
function decides(tree: PatternTree, ignoresCase: boolean): boolean {
  const places: Place[] = [];
  const { first } = reach(tree, places);
  if (places.length > placesMax) return false;
  const folded = places.map(({ ranges }) => (ignoresCase ? withOtherCase(ranges) : ranges));
  if (folded.includes(undefined)) return false;
  // A place that is there twice is reached by two loops: which of them to go on with is a choice, too.
  const isApart = (group: readonly number[]): boolean =>
    group.every((one, index) => group.slice(index + 1).every((other) => !overlap(folded[one], folded[other])));
  return isApart(first) && places.every(({ next }) => isApart(next));
}

function reach(tree: PatternTree, places: Place[]): Reach {
  if (tree.kind === "edge" || places.length > placesMax) return nothing;
  if (tree.kind === "one") {
    const place = places.push({ ranges: tree.ranges, next: [] }) - 1;
    return { first: [place], last: [place], empty: false };
  }
  if (tree.kind === "all") return tree.parts.reduce<Reach>((before, part) => join(before, reach(part, places), places), nothing);
  if (tree.kind === "any") {
    const parts = tree.parts.map((part) => reach(part, places));
    return {
      first: parts.flatMap(({ first }) => first),
      last: parts.flatMap(({ last }) => last),
      empty: parts.some(({ empty }) => empty),
    };
  }
  let whole = nothing;
  for (let count = 0; count < tree.min; count++) whole = join(whole, reach(tree.part, places), places);
  if (tree.max === Infinity) {
    const more = reach(tree.part, places);
    join(more, more, places);
    return join(whole, { ...more, empty: true }, places);
  }
  for (let count = tree.min; count < tree.max; count++) whole = join(whole, { ...reach(tree.part, places), empty: true }, places);
  return whole;
}

function join(a: Reach, b: Reach, places: readonly Place[]): Reach {
  for (const place of a.last) places[place]?.next.push(...b.first);
  return {
    first: a.empty ? [...a.first, ...b.first] : a.first,
    last: b.empty ? [...a.last, ...b.last] : b.last,
    empty: a.empty && b.empty,
  };
}

/** With the other case of ASCII letters; undefined for what has other letters. */
function withOtherCase(ranges: Ranges): Ranges | undefined {
  if (ranges.some(([, to]) => to > 127)) return undefined;
  return ranges.flatMap(([from, to]) => {
    const within = (low: number, shift: number): (readonly [number, number])[] => {
      const [begin, end] = [Math.max(from, low), Math.min(to, low + 25)];
      return begin > end ? [] : [[begin + shift, end + shift]];
    };
    return [[from, to] as const, ...within(65, 32), ...within(97, -32)];
  });
}

function overlap(a: Ranges | undefined, b: Ranges | undefined): boolean {
  return a === undefined || b === undefined || a.some(([from, to]) => b.some(([other, end]) => from <= end && other <= to));
}
