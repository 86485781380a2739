import { DynamicTable, type TableEntry } from "./dynamic-table.ts";
import { huffmanLength, writeHuffman } from "./huffman.ts";
import { staticCount, staticNames, staticValues } from "./static-table.ts";

// What is remembered of one name: where it stands, and which values have been seen how.
interface NameMemory {
  readonly staticIndex: number;
  readonly staticValues: ReadonlyMap<string, number> | undefined;
  readonly sensitive: boolean;
  /** Number of the newest entry with this name in the dynamic table; 0 for none yet. */
  newest: number;
  /** Number of the entry of each value; 0 for a value that has only been seen. */
  readonly values: Map<string, number>;
}

// Never in a table, here or at any proxy: what guesses could be tried against (RFC 7541 §7.1.3).
const sensitiveNames: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie"]);
const namesMax = 64;
const valuesMax = 16;
// An entry beyond a quarter of the table would push out too many others.
const entryShare = 4;

/**
 * Writes header blocks (RFC 7541). A field enters the dynamic table when it is said a second time, so that values which
 * never return do not push out those which do; credentials and cookies never enter. One for each direction of a connection.
 */
export class HpackEncoder {
  readonly #table: DynamicTable<TableEntry>;
  readonly #tableBytes: number;
  #names = new Map<string, NameMemory>();
  #smallest = -1;
  /** Set it, and it is false once a field has been written that will be shorter next time. */
  settled = true;

  /** `tableBytes` is the most memory that we spend; the other side may allow less. */
  constructor(tableBytes: number) {
    this.#tableBytes = tableBytes;
    this.#table = new DynamicTable(Math.min(tableBytes, 4096));
  }

  /** Changes when the dynamic table does. While it is the same, a block that was written without changing it may be written again. */
  get generation(): number {
    return this.#table.generation;
  }

  /** Whether the next block has to begin with a table size update. */
  get updateOwed(): boolean {
    return this.#smallest >= 0;
  }

  /** The other side allows `bytesMax`. Takes effect with the next block, which says so. */
  setTableBytesMax(bytesMax: number): void {
    const bytes = Math.min(bytesMax, this.#tableBytes);
    if (bytes === this.#table.bytesMax && this.#smallest < 0) return;
    this.#smallest = this.#smallest < 0 ? bytes : Math.min(this.#smallest, bytes);
    this.#table.resize(bytes);
  }

  /**
   * A block that was begun will not be sent, so the other side's table does not become what ours has: with the next block
   * both are emptied.
   */
  abandoned(): void {
    const { bytesMax } = this.#table;
    this.#smallest = 0;
    this.#table.resize(0);
    this.#table.resize(bytesMax);
  }

  /** Begins a block at `at` and answers where its fields go. */
  begin(out: Uint8Array, at: number): number {
    if (this.#smallest < 0) return at;
    const { bytesMax } = this.#table;
    // Two updates when the size went down and up again: both sides have to evict alike (RFC 7541 §4.2).
    if (this.#smallest < bytesMax) at = writeInteger(out, at, { prefix: 0x20, prefixMax: 31, value: this.#smallest });
    this.#smallest = -1;
    return writeInteger(out, at, { prefix: 0x20, prefixMax: 31, value: bytesMax });
  }

  /** Writes one field, name in lower case, both of one byte a character. `out` needs room for both and 16 bytes. Answers where it ends. */
  field(out: Uint8Array, at: number, field: { readonly name: string; readonly value: string }): number {
    const { name, value } = field;
    const memory = this.#memory(name);
    const table = this.#table;
    const staticIndex = memory.staticValues?.get(value);
    if (staticIndex !== undefined) {
      out[at] = 0x80 | staticIndex;
      return at + 1;
    }
    const oldest = table.inserted - table.count;
    const nameIndex = memory.staticIndex > 0 || memory.newest <= oldest ? memory.staticIndex : this.#index(memory.newest);
    if (memory.sensitive) return writeLiteral(out, writeName(out, at, { prefix: 0x10, prefixMax: 15, nameIndex, name }), value);
    const entry = memory.values.get(value);
    if (entry !== undefined && entry > oldest) return writeInteger(out, at, { prefix: 0x80, prefixMax: 127, value: this.#index(entry) });
    const size = name.length + value.length + 32;
    const isLarge = size * entryShare > table.bytesMax;
    if (entry === undefined || isLarge) {
      // What never enters the table is not worth the memory of having seen it.
      if (!isLarge) {
        this.settled = false;
        remember(memory, value);
      }
      return writeLiteral(out, writeName(out, at, { prefix: 0, prefixMax: 15, nameIndex, name }), value);
    }
    at = writeHuffmanLiteral(out, writeName(out, at, { prefix: 0x40, prefixMax: 63, nameIndex, name }), value);
    table.insert({ size });
    memory.newest = table.inserted;
    memory.values.set(value, table.inserted);
    return at;
  }

  #index(entry: number): number {
    return staticCount + this.#table.inserted - entry + 1;
  }

  #memory(name: string): NameMemory {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    // What is forgotten is only whether a value stood in the table: it is said in full again.
    if (this.#names.size >= namesMax) this.#names = new Map();
    const made: NameMemory = {
      staticIndex: staticNames.get(name) ?? 0,
      staticValues: staticValues.get(name),
      sensitive: sensitiveNames.has(name),
      newest: 0,
      values: new Map(),
    };
    this.#names.set(name, made);
    return made;
  }
}

function remember(memory: NameMemory, value: string): void {
  const { values } = memory;
  if (values.has(value)) return;
  if (values.size >= valuesMax) {
    for (const oldest of values.keys()) {
      values.delete(oldest);
      break;
    }
  }
  values.set(value, 0);
}

interface IntegerForm {
  readonly prefix: number;
  readonly prefixMax: number;
  readonly value: number;
}

function writeInteger(out: Uint8Array, at: number, form: IntegerForm): number {
  const { prefix, prefixMax, value } = form;
  if (value < prefixMax) {
    out[at] = prefix | value;
    return at + 1;
  }
  out[at] = prefix | prefixMax;
  at += 1;
  let rest = value - prefixMax;
  for (; rest >= 128; rest >>>= 7, at += 1) out[at] = (rest & 127) | 128;
  out[at] = rest;
  return at + 1;
}

interface NameForm {
  readonly prefix: number;
  readonly prefixMax: number;
  readonly nameIndex: number;
  readonly name: string;
}

function writeName(out: Uint8Array, at: number, form: NameForm): number {
  const { prefix, prefixMax, nameIndex, name } = form;
  if (nameIndex > 0) return writeInteger(out, at, { prefix, prefixMax, value: nameIndex });
  out[at] = prefix;
  return writeHuffmanLiteral(out, at + 1, name);
}

/** A value that is said once: plain, because coding it costs more than the bytes. */
function writeLiteral(out: Uint8Array, at: number, text: string): number {
  at = writeInteger(out, at, { prefix: 0, prefixMax: 127, value: text.length });
  for (let index = 0; index < text.length; index += 1, at += 1) out[at] = text.charCodeAt(index);
  return at;
}

function writeHuffmanLiteral(out: Uint8Array, at: number, text: string): number {
  const length = huffmanLength(text);
  if (length >= text.length) return writeLiteral(out, at, text);
  return writeHuffman(text, out, writeInteger(out, at, { prefix: 0x80, prefixMax: 127, value: length }));
}
