import type { JsonValue } from "../contract/contract.ts";
import type { Problem } from "./config.weir.ts";

/** What stands where a secret would. */
export const secretMask = "(secret)";

const foundCharactersMax = 80;
/** Of one change; what is beyond is not looked for. */
export const problemsMax = 20;

/** Where a value stands while it is read, and where to say what is wrong with it. */
export interface Place {
  /** "servers[2].port". */
  readonly path: string;
  /** What is found here is not said. */
  readonly secret: boolean;
  readonly problems: Problem[];
}

/** What should stand at a place and what does. */
export interface Wanted {
  /** "a whole number". */
  readonly expected: string;
  /** Undefined when nothing stands there. */
  readonly found: JsonValue | undefined;
}

/** Says what is wrong at a place. Answers undefined, which stands for the value that there is not. */
export function refuseAt(place: Place, { expected, found }: Wanted): undefined {
  if (place.problems.length >= problemsMax) return;
  place.problems.push({ key: place.path, expected, found: foundText(found, place.secret) });
}

/** Says that a list or an object is wanted. Of what was found only the kind is said: it may be a secret that slipped out of its field. */
export function refuseShape(place: Place, { expected, found }: Wanted): undefined {
  if (place.problems.length >= problemsMax) return;
  const isScalar = found === null || (typeof found !== "object" && found !== undefined);
  const text = isScalar ? `a ${found === null ? "null" : typeof found}` : foundText(found, false);
  place.problems.push({ key: place.path, expected, found: text });
}

/** A place further in: `[2]` of a list, `.port` of a record or map. */
export function placeIn(place: Place, step: number | string): Place {
  const path = typeof step === "number" ? `${place.path}[${step}]` : `${place.path}.${step.slice(0, foundCharactersMax)}`;
  return { ...place, path };
}

/** A value as it stands in a message: scalars as JSON, cut at 80 characters; of the rest only what it is. */
export function foundText(found: JsonValue | undefined, secret: boolean): string {
  if (found === undefined) return "nothing";
  if (secret) return secretMask;
  if (Array.isArray(found)) return `a list of ${found.length}`;
  if (typeof found === "object" && found !== null) return "an object";
  const text = JSON.stringify(found);
  return text.length > foundCharactersMax ? `${text.slice(0, foundCharactersMax)}…` : text;
}

/** One line for people: `cache.ttlMs: expected a duration, found "abc"`. */
export function problemText({ key, expected, found }: Problem): string {
  const what = `expected ${expected}, found ${found}`;
  return key === "" ? what : `${key}: ${what}`;
}

/** All of them in one text: the first five, and how many more. */
export function problemsText(problems: readonly Problem[]): string {
  const shown = problems.slice(0, 5).map(problemText).join("; ");
  return problems.length > 5 ? `${shown}; and ${problems.length - 5} more` : shown;
}
