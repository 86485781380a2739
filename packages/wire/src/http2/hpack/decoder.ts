import { latin1From } from "../../http1/output.ts";
import { connectionFault, errorCodes, type ConnectionFault } from "../fault.ts";
import { http2Reasons } from "../reasons.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { headerFieldFrom, type HeaderField } from "./field.ts";
import { huffmanDecoded, huffmanDecodedLengthMax } from "./huffman.ts";
import { staticCount, staticTable } from "./static-table.ts";

/** Hears of the fields of a block, in order. */
export interface FieldSink {
  field(field: HeaderField): void;
}

// Larger numbers mean nothing in a block of bounded length; the bound keeps the arithmetic in 31 bits.
const integerMax = 0x0fff_ffff;
let scratch: Uint8Array = Buffer.allocUnsafeSlow(4096);

/**
 * Reads header blocks (RFC 7541). One for each direction of a connection. Whatever is wrong with a block is a
 * ConnectionFault with COMPRESSION_ERROR, because the tables of both sides no longer agree.
 */
export class HpackDecoder {
  readonly #table: DynamicTable<HeaderField>;
  #bytesMax: number;
  #updateOwed = false;
  #bytes: Uint8Array = scratch;
  #at = 0;
  #end = 0;

  /** `tableBytesMax` is what the encoder may use of our memory, and what it uses until it says otherwise. */
  constructor(tableBytesMax: number) {
    this.#table = new DynamicTable(tableBytesMax);
    this.#bytesMax = tableBytesMax;
  }

  /** Changes when the dynamic table does. While it is the same, the same block means the same fields. */
  get generation(): number {
    return this.#table.generation;
  }

  /** Bytes of the dynamic table that are used. */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** The other side has taken note of another size. A smaller one has to be confirmed at the start of the next block (RFC 7541 §4.2). */
  setTableBytesMax(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#updateOwed = bytesMax < this.#table.bytesMax;
    // No block means what it meant: one without the update is now wrong.
    if (this.#updateOwed) this.#table.generation += 1;
  }

  /** Reads one whole block. */
  decode(bytes: Uint8Array, range: { readonly at: number; readonly end: number }, sink: FieldSink): void {
    this.#bytes = bytes;
    this.#at = range.at;
    this.#end = range.end;
    this.#readUpdates();
    while (this.#at < this.#end) {
      const byte = bytes[this.#at] as number;
      if (byte >= 0x80) sink.field(this.#entry(byte < 0xff ? this.#short(byte & 127) : this.#integer(127)));
      else if (byte >= 0x40) {
        const field = this.#literal(byte < 0x7f ? this.#short(byte & 63) : this.#integer(63));
        this.#table.insert(field);
        sink.field(field);
      } else if (byte >= 0x20) throw compressionFault("a table size update only at the start of a block");
      else sink.field(this.#literal((byte & 15) < 15 ? this.#short(byte & 15) : this.#integer(15)));
    }
  }

  #readUpdates(): void {
    while (this.#at < this.#end && ((this.#bytes[this.#at] as number) & 0xe0) === 0x20) {
      const bytesMax = this.#integer(31);
      if (bytesMax > this.#bytesMax) throw compressionFault(`a table of at most ${this.#bytesMax} bytes`, `${bytesMax}`);
      this.#table.resize(bytesMax);
      this.#updateOwed = false;
    }
    if (this.#updateOwed) throw compressionFault("a table size update after the table was made smaller");
  }

  #short(value: number): number {
    this.#at += 1;
    return value;
  }

  /** RFC 7541 §5.1: the prefix and what follows it. */
  #integer(prefixMax: number): number {
    const bytes = this.#bytes;
    let value = (bytes[this.#at] as number) & prefixMax;
    this.#at += 1;
    if (value < prefixMax) return value;
    for (let shift = 0; this.#at < this.#end && shift <= 28; shift += 7) {
      const byte = bytes[this.#at] as number;
      this.#at += 1;
      value += (byte & 127) * 2 ** shift;
      if (value > integerMax) break;
      if (byte < 128) return value;
    }
    throw compressionFault(this.#at >= this.#end ? "the rest of a number" : "a number below 2^28");
  }

  #entry(index: number): HeaderField {
    const field = index <= staticCount ? staticTable[index] : this.#table.at(index - staticCount);
    if (field === undefined) throw compressionFault(`an index from 1 to ${staticCount + this.#table.count}`, `${index}`);
    return field;
  }

  #literal(nameIndex: number): HeaderField {
    const name = nameIndex === 0 ? this.#string() : this.#entry(nameIndex).name;
    return headerFieldFrom(name, this.#string());
  }

  #string(): string {
    if (this.#at >= this.#end) throw compressionFault("a string");
    const encoded = (this.#bytes[this.#at] as number) >= 128;
    const length = this.#integer(127);
    const at = this.#at;
    const end = at + length;
    if (end > this.#end) throw compressionFault(`a string of ${length} bytes`, `${this.#end - at}`);
    this.#at = end;
    if (!encoded) return latin1From(this.#bytes, at, end);
    if (scratch.length < huffmanDecodedLengthMax(length)) scratch = Buffer.allocUnsafeSlow(huffmanDecodedLengthMax(length) * 2);
    const decoded = huffmanDecoded(this.#bytes, { at, end }, scratch);
    if (decoded < 0) throw compressionFault("a string in the Huffman code, padded with ones");
    return latin1From(scratch, 0, decoded);
  }
}

function compressionFault(expected: string, found = "something else"): ConnectionFault {
  return connectionFault(errorCodes.COMPRESSION_ERROR, http2Reasons.HEADER_BLOCK_INVALID, `expected ${expected}, found ${found}`);
}
