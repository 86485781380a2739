import { WireError, type WireReason } from "../reasons.ts";
import { illegalAt, illegalError } from "./head.ts";
import { latin1From } from "./output.ts";

// Most heads are shorter. Only a longer one costs a second look, and a body behind the head is not turned into text.
const glanceBytes = 2048;

/** Reads heads of one kind. */
export interface HeadReader {
  /**
   * Reads the head at the start of `text` and answers its length with the empty line, or -1 when it is not whole. Throws
   * some WireError when anything is wrong with it.
   */
  read(text: string): number;
  /** Throws when the start line, `text` up to its first CRLF, is wrong. */
  checkStart(text: string): void;
}

/** How long a head may be. */
export interface HeadBound {
  readonly bytesMax: number;
  readonly tooLarge: WireReason;
}

/**
 * Lets `reader` read the head that begins at `at` and answers its length, or -1 while it is not whole. Throws as soon as
 * what is there can no longer become a good head, and always for the same fault, however the bytes were cut into packets.
 */
export function readHead(
  reader: HeadReader,
  bytes: { readonly input: Uint8Array; readonly at: number; readonly end: number },
  bound: HeadBound,
): number {
  const { input, at } = bytes;
  const end = Math.min(bytes.end, at + bound.bytesMax + 1);
  let text = latin1From(input, at, Math.min(end, at + glanceBytes));
  try {
    let length = reader.read(text);
    if (length === -1 && end > at + glanceBytes) {
      text = latin1From(input, at, end);
      length = reader.read(text);
    }
    if (length !== -1 && length <= bound.bytesMax) return length;
  } catch (thrown) {
    if (end > at + glanceBytes) text = latin1From(input, at, end);
    if (judge(reader, text, bound)) throw thrown;
    return -1;
  }
  judge(reader, text, bound);
  return -1;
}

/**
 * Throws for the first fault in the order of the bytes: start line, illegal bytes, length. Answers whether the head is
 * whole: only then do faults of its lines count, because they could not have been told earlier.
 */
function judge(reader: HeadReader, text: string, bound: HeadBound): boolean {
  const found = text.indexOf("\r\n\r\n");
  const whole = found !== -1 && found + 4 <= bound.bytesMax;
  const head = whole ? text.slice(0, found + 4) : text;
  const bad = illegalAt(head);
  const lineEnd = head.indexOf("\r\n");
  if (lineEnd !== -1 && (bad === -1 || bad > lineEnd)) reader.checkStart(head);
  if (bad !== -1) throw illegalError(head, bad);
  if (!whole && text.length > bound.bytesMax) {
    throw new WireError(bound.tooLarge, `expected a head of at most ${bound.bytesMax} bytes, found more`);
  }
  return whole;
}
