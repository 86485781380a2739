import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { MessageType } from "./contract.ts";
import { asciiText, asciiTextMax, knownText } from "./binary-text.ts";
import { binaryDepthMax } from "./binary-writer.ts";
import { lowWord, scratchDouble, scratchFloat, scratchInt64, scratchUint64, scratchWords } from "./binary-words.ts";

/** Node's way to take text out of bytes, which takes half as long as TextDecoder; browsers have only the latter. */
interface FastBytes {
  utf8Slice?(this: Uint8Array, start: number, end: number): string;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8Slice = (globalThis as { Buffer?: { prototype: FastBytes } }).Buffer?.prototype.utf8Slice;

/** The `bytes` of a field that is not there. */
export const emptyBytes: Uint8Array = new Uint8Array(0);

/** Reads a whole message; what `fromBinary` of every type does. */
export function messageFromBytes<T>(type: MessageType<T>, bytes: Uint8Array): T {
  return type.read(new BinaryReader(bytes, type.typeName), bytes.length);
}

/**
 * Reads the wire format of protobuf. Throws BINARY_INVALID, naming the type of the whole message and the offset of the
 * byte, for everything that is malformed; it never reads beyond the bytes and holds memory only for what they contain.
 * Source: protobuf.dev, "Encoding".
 */
export class BinaryReader {
  /** Offset of the next byte. */
  at = 0;
  private readonly buffer: Uint8Array;
  private readonly length: number;
  private readonly typeName: string;
  private depth = 1;
  /** Where groups that were looked through end, by where they begin: groups within groups are so looked through once. */
  private groupEnds: Map<number, number> | undefined;

  constructor(bytes: Uint8Array, typeName: string) {
    this.buffer = bytes;
    this.length = bytes.length;
    this.typeName = typeName;
  }

  /** The next tag: field number and wire type. Only where a byte is left. */
  tag(): number {
    const first = this.buffer[this.at] as number;
    if (first < 0x80) {
      this.at++;
      return first;
    }
    const from = this.at;
    const tag = this.varint();
    if (scratchWords[1 - lowWord] !== 0) throw this.invalid("a tag of at most 32 bits", "a larger one", from);
    return tag >>> 0;
  }

  /** Begins a nested message; answers where it ends. */
  open(): number {
    if (++this.depth > binaryDepthMax) throw this.invalid(`at most ${binaryDepthMax} nested messages`, "more");
    return this.span();
  }

  /** Ends a message. */
  close(end: number): void {
    this.depth--;
    this.done(end);
  }

  /** Begins anything else behind its length: an entry of a map, a packed list. Answers where it ends. */
  span(): number {
    const size = this.size();
    return this.at + size;
  }

  /** Ends what `span` began. */
  done(end: number): void {
    if (this.at !== end) throw this.invalid(`the end at byte ${end}`, "a field that reaches beyond it");
  }

  /** Begins a message in the delimited encoding; answers where its end tag stands. */
  openGroup(tag: number): number {
    if (++this.depth > binaryDepthMax) throw this.invalid(`at most ${binaryDepthMax} nested messages`, "more");
    const from = this.at;
    const known = this.groupEnds?.get(from);
    if (known !== undefined) return known;
    this.groupEnds ??= new Map();
    const end = this.skipGroup(tag);
    this.at = from;
    return end;
  }

  /** Passes over a field that the contract does not know. */
  skip(tag: number): void {
    if (tag >>> 3 === 0) throw this.invalid("a field number", "0");
    switch (tag & 7) {
      case 0:
        this.varint();
        break;
      case 1:
        this.pass(8);
        break;
      case 2:
        this.at = this.span();
        break;
      case 3:
        this.depth++;
        this.skipGroup(tag);
        this.depth--;
        break;
      case 5:
        this.pass(4);
        break;
      default:
        throw this.invalid("a wire type that begins a field", `${tag & 7}`);
    }
  }

  /** A `string`: valid UTF-8. */
  string(): string {
    const size = this.size();
    const from = this.at;
    this.at = from + size;
    if (size <= asciiTextMax) {
      const short = asciiText(this.buffer, from, size);
      if (short !== undefined) return short;
    }
    if (utf8Slice === undefined) return this.checkedText(from);
    const value = utf8Slice.call(this.buffer, from, from + size);
    // Malformed bytes become this character; it may also stand there by right.
    return value.includes("\ufffd") ? this.checkedText(from) : value;
  }

  /** A `string` that is the key of a map. */
  key(): string {
    const from = this.at;
    const size = this.size();
    if (size <= asciiTextMax) {
      const known = knownText(this.buffer, this.at, size);
      if (known !== undefined) {
        this.at += size;
        return known;
      }
    }
    this.at = from;
    return this.string();
  }

  /** `bytes`: a view of those that are read. */
  bytes(): Uint8Array {
    const size = this.size();
    const from = this.at;
    this.at = from + size;
    // Not subarray, which would make a Buffer of a Buffer.
    return size === 0 ? emptyBytes : new Uint8Array(this.buffer.buffer, this.buffer.byteOffset + from, size);
  }

  /** A `bool`: every number but 0 is true. */
  bool(): boolean {
    const low = this.varint();
    return (low | (scratchWords[1 - lowWord] as number)) !== 0;
  }

  /** An `int32` or the number of an enum; larger numbers lose their upper bits. */
  int32(): number {
    const { buffer, at } = this;
    const last = this.length - 1;
    const first = buffer[at] as number;
    if (first < 0x80 && at <= last) {
      this.at = at + 1;
      return first;
    }
    const second = buffer[at + 1] as number;
    if (second < 0x80 && at < last) {
      this.at = at + 2;
      return (first & 0x7f) | (second << 7);
    }
    return this.varint();
  }

  /** A `uint32`; larger numbers lose their upper bits. */
  uint32(): number {
    return this.int32() >>> 0;
  }

  /** A `sint32`; larger numbers lose their upper bits. */
  sint32(): number {
    const value = this.int32();
    return (value >>> 1) ^ -(value & 1);
  }

  /** A `fixed32`. */
  fixed32(): number {
    return this.sfixed32() >>> 0;
  }

  /** An `sfixed32`. */
  sfixed32(): number {
    const { buffer, at } = this;
    this.pass(4);
    return wordAt(buffer, at);
  }

  /** An `int64`. */
  int64(): bigint {
    this.varint();
    return scratchInt64[0] as bigint;
  }

  /** A `uint64`. */
  uint64(): bigint {
    this.varint();
    return scratchUint64[0] as bigint;
  }

  /** A `sint64`. */
  sint64(): bigint {
    const low = this.varint();
    const high = scratchWords[1 - lowWord] as number;
    const sign = -(low & 1);
    scratchWords[lowWord] = ((low >>> 1) | (high << 31)) ^ sign;
    scratchWords[1 - lowWord] = (high >>> 1) ^ sign;
    return scratchInt64[0] as bigint;
  }

  /** A `fixed64`. */
  fixed64(): bigint {
    this.words();
    return scratchUint64[0] as bigint;
  }

  /** An `sfixed64`. */
  sfixed64(): bigint {
    this.words();
    return scratchInt64[0] as bigint;
  }

  /** A `double`. */
  double(): number {
    this.words();
    return scratchDouble[0] as number;
  }

  /** A `float`. */
  float(): number {
    scratchWords[0] = this.sfixed32();
    return scratchFloat[0] as number;
  }

  /** The Fault for what is malformed at an offset, that of the next byte unless given. */
  invalid(expected: string, found: string, at: number = this.at): Fault {
    const where = `Binary ${this.typeName}, byte ${Math.min(at, this.length)}`;
    return fault(kitReasons.BINARY_INVALID, `${where}: expected ${expected}, found ${found}`);
  }

  /** A varint into the scratch words; answers the low one. More than 64 bits are refused. */
  private varint(): number {
    const { buffer, length } = this;
    let at = this.at;
    let low = 0;
    let high = 0;
    for (let shift = 0; at < length; shift += 7) {
      const byte = buffer[at++] as number;
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else if (shift === 28) {
        low |= byte << 28;
        high = (byte & 0x7f) >>> 4;
      } else {
        if (shift === 63 && byte > 1) throw this.invalid("a number of at most 64 bits", "a larger one");
        high |= (byte & 0x7f) << (shift - 32);
      }
      if (byte < 0x80) {
        this.at = at;
        scratchWords[lowWord] = low;
        scratchWords[1 - lowWord] = high;
        return low;
      }
    }
    throw this.invalid("the rest of a number", "the end", at);
  }

  private words(): void {
    const { buffer, at } = this;
    this.pass(8);
    scratchWords[lowWord] = wordAt(buffer, at);
    scratchWords[1 - lowWord] = wordAt(buffer, at + 4);
  }

  /** A length that the bytes can hold. */
  private size(): number {
    let size = this.buffer[this.at] as number;
    if (this.at < this.length && size < 0x80) this.at++;
    else {
      const from = this.at;
      size = this.varint() >>> 0;
      if (scratchWords[1 - lowWord] !== 0) throw this.invalid("a length of at most 32 bits", "a larger one", from);
    }
    if (size > this.length - this.at) throw this.invalid(`${size} bytes`, `${this.length - this.at}`);
    return size;
  }

  private pass(count: number): void {
    if (count > this.length - this.at) throw this.invalid(`${count} bytes`, `${this.length - this.at}`);
    this.at += count;
  }

  /** Passes over a group and its end tag; answers where that stands. */
  private skipGroup(start: number): number {
    if (this.depth > binaryDepthMax) throw this.invalid(`at most ${binaryDepthMax} nested messages`, "more");
    const begin = this.at;
    while (this.at < this.length) {
      const from = this.at;
      const tag = this.tag();
      if ((tag & 7) !== 4) {
        this.skip(tag);
        continue;
      }
      if (tag !== start + 1) throw this.invalid(`the end of group ${start >>> 3}`, `that of ${tag >>> 3}`, from);
      this.groupEnds?.set(begin, from);
      return from;
    }
    throw this.invalid(`the end of group ${start >>> 3}`, "the end");
  }

  private checkedText(from: number): string {
    try {
      return decoder.decode(this.buffer.subarray(from, this.at));
    } catch {
      throw this.invalid("valid UTF-8", "other bytes", from);
    }
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}
