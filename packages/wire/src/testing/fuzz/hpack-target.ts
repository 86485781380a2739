import { ConnectionFault } from "../../http2/fault.ts";
import { HpackDecoder } from "../../http2/hpack/decoder.ts";
import { HpackEncoder } from "../../http2/hpack/encoder.ts";
import type { FuzzTarget, Random } from "./fuzz-target.ts";
import { brokenBytes, oneOf } from "./fuzz-target.ts";

const tableBytes = 256;
const names = [":method", ":path", ":status", "cookie", "authorization", "x-long-name-of-a-field", "a", "content-type", "custom-key"];
const values = ["", "GET", "/", "200", "a", "custom-value", "application/grpc", "x".repeat(70), "\xe9\xff\x80", "0123456789"];

interface Field {
  readonly name: string;
  readonly value: string;
}

/** Blocks as one connection sends them: a length of two bytes before each. */
function blocks(random: Random): Uint8Array {
  const encoder = new HpackEncoder(tableBytes);
  const parts: Uint8Array[] = [];
  for (let count = 1 + random(4); count > 0; count -= 1) {
    if (random(5) === 0) encoder.setTableBytesMax(random(tableBytes + 1));
    const fields = Array.from({ length: random(6) }, () => ({ name: oneOf(random, names), value: oneOf(random, values) }));
    const block = brokenBytes(random, encoded(encoder, fields));
    parts.push(Uint8Array.of(block.length >> 8, block.length & 255), block);
  }
  return Buffer.concat(parts);
}

function encoded(encoder: HpackEncoder, fields: readonly Field[]): Uint8Array {
  const out = new Uint8Array(64 + fields.reduce((sum, { name, value }) => sum + 4 * (name.length + value.length) + 32, 0));
  let at = encoder.begin(out, 0);
  for (const field of fields) at = encoder.field(out, at, field);
  return out.subarray(0, at);
}

/**
 * The decoder of header blocks: fields or a compression error, a table within its bounds; and what was read, written by our
 * encoder, is read back the same. A block is always whole, so its pieces are the places in memory where it lies.
 */
export const hpack: FuzzTarget = {
  name: "hpack",
  make: blocks,
  outcome(pieces) {
    // However the bytes were cut, they lie at another place of another array.
    const offset = pieces.length - 1;
    const bytes = Buffer.concat([Buffer.alloc(offset, 0x82), ...pieces, Buffer.alloc(offset, 0xff)]);
    const decoder = new HpackDecoder(tableBytes);
    const lines: string[] = [];
    for (let at = offset; at + 2 <= bytes.length - offset;) {
      const end = Math.min(bytes.length - offset, at + 2 + bytes.readUInt16BE(at));
      const line = lineOf(decoder, bytes, { at: at + 2, end });
      lines.push(line);
      if (line.startsWith("fault")) break;
      at = end;
    }
    return Promise.resolve(lines.join("\n"));
  },
};

function lineOf(decoder: HpackDecoder, bytes: Uint8Array, range: { readonly at: number; readonly end: number }): string {
  const fields: Field[] = [];
  try {
    decoder.decode(bytes, range, { field: ({ name, value }) => void fields.push({ name, value }) });
  } catch (thrown) {
    if (!(thrown instanceof ConnectionFault) || thrown.errorCode !== 9) throw thrown;
    return `fault after ${fields.length} fields`;
  }
  if (decoder.tableBytes > tableBytes) throw new Error(`expected a table of at most ${tableBytes} bytes, found ${decoder.tableBytes}`);
  const text = JSON.stringify(fields);
  const [encoder, reader] = [new HpackEncoder(tableBytes), new HpackDecoder(tableBytes)];
  // Twice: the second time fields stand in the table.
  for (let round = 0; round < 2; round += 1) {
    const block = encoded(encoder, fields);
    const back: Field[] = [];
    reader.decode(block, { at: 0, end: block.length }, { field: ({ name, value }) => void back.push({ name, value }) });
    if (JSON.stringify(back) !== text) throw new Error(`expected ${text} back, found ${JSON.stringify(back)}`);
  }
  return text;
}
