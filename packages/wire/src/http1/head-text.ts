import { WireError, type WireReason } from "../reasons.ts";
import { illegalAt, illegalError } from "./head.ts";
import { latin1From } from "./output.ts";

const glanceBytes = 2048;

/** What to do about a head: how long it may be, and what its start line must look like. */
export interface HeadTextOptions {
  readonly bytesMax: number;
  readonly tooLarge: WireReason;
  /** Throws when the start line, `text` up to `lineEnd`, is wrong. */
  readonly checkStart: (text: string, lineEnd: number) => void;
}

/**
 * The text of the head that begins at `at`, with its empty line, all its characters checked; undefined while it is not
 * whole. Throws as soon as what is there can no longer become a good head, and always for the first fault in the order
 * of the bytes, so that the refusal does not depend on how they were cut into packets.
 */
export function headTextFrom(input: Uint8Array, at: number, options: HeadTextOptions): string | undefined {
  const end = Math.min(input.length, at + options.bytesMax + 1);
  let text = latin1From(input, at, Math.min(end, at + glanceBytes));
  let found = text.indexOf("\r\n\r\n");
  if (found === -1 && end > at + glanceBytes) {
    text = latin1From(input, at, end);
    found = text.indexOf("\r\n\r\n");
  }
  const whole = found !== -1 && found + 4 <= options.bytesMax;
  if (whole && found + 4 !== text.length) text = text.slice(0, found + 4);
  const bad = illegalAt(text);
  if (bad === -1 && whole) return text;
  const lineEnd = text.indexOf("\r\n");
  if (lineEnd !== -1 && (bad === -1 || bad > lineEnd)) options.checkStart(text, lineEnd);
  if (bad !== -1) throw illegalError(text, bad);
  if (text.length > options.bytesMax) {
    throw new WireError(options.tooLarge, `expected a head of at most ${options.bytesMax} bytes, found more`);
  }
  return undefined;
}
