import { WireError, type WireReason } from "../reasons.ts";
import { illegalAt, illegalError, type HeadSource } from "./head.ts";
import { latin1From } from "./output.ts";

// A first look takes as many bytes as the last head had and some more, so that a body behind it is not turned into text.
const glanceBytesMin = 256;
const glanceBytesMax = 2048;
const glanceBytesMore = 64;

/** Reads heads of one kind. */
export interface HeadReader {
  /** Where the reader finds the head: at the start of `source.text`. */
  readonly source: HeadSource;
  /**
   * Reads the head and answers its length with the empty line, or -1 when it is not whole. Throws some WireError when
   * anything is wrong with it.
   */
  read(): number;
  /** Throws when the start line is wrong, which is whole. */
  checkStart(): void;
}

/** How long a head may be. */
export interface HeadBound {
  readonly bytesMax: number;
  readonly tooLarge: WireReason;
}

/**
 * Lets `reader` read the head that begins where its source has its base, in `bytes` up to `end`. Answers its length, or -1
 * while it is not whole. Throws as soon as what is there can no longer become a good head, and always for the same fault,
 * however the bytes were cut into packets.
 */
export function readHead(reader: HeadReader, end: number, bound: HeadBound): number {
  const { source } = reader;
  const { base } = source;
  const textEnd = Math.min(end, base + bound.bytesMax + 1);
  const glanceEnd = base + source.glanceBytes;
  source.text = latin1From(source.bytes, base, Math.min(textEnd, glanceEnd));
  try {
    let length = reader.read();
    if (length === -1 && textEnd > glanceEnd) {
      source.text = latin1From(source.bytes, base, textEnd);
      length = reader.read();
    }
    if (length !== -1 && length <= bound.bytesMax) {
      source.glanceBytes = Math.max(glanceBytesMin, Math.min(length + glanceBytesMore, glanceBytesMax));
      return length;
    }
  } catch (thrown) {
    if (textEnd > glanceEnd) source.text = latin1From(source.bytes, base, textEnd);
    if (judge(reader, bound)) throw thrown;
    return -1;
  }
  judge(reader, bound);
  return -1;
}

/**
 * Throws for the first fault in the order of the bytes: start line, illegal bytes, length. Answers whether the head is
 * whole: only then do faults of its lines count, because they could not have been told earlier.
 */
function judge(reader: HeadReader, bound: HeadBound): boolean {
  const { text } = reader.source;
  const found = text.indexOf("\r\n\r\n");
  const whole = found !== -1 && found + 4 <= bound.bytesMax;
  const head = whole ? text.slice(0, found + 4) : text;
  const bad = illegalAt(head);
  const lineEnd = head.indexOf("\r\n");
  if (lineEnd !== -1 && (bad === -1 || bad > lineEnd)) reader.checkStart();
  if (bad !== -1) throw illegalError(head, bad);
  if (!whole && text.length > bound.bytesMax) {
    throw new WireError(bound.tooLarge, `expected a head of at most ${bound.bytesMax} bytes, found more`);
  }
  return whole;
}
