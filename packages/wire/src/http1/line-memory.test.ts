import assert from "node:assert/strict";
import { test } from "node:test";
import { wireReasons, type WireError } from "../reasons.ts";
import { HeaderReader, type HeadReasons } from "./head.ts";
import { latin1From } from "./output.ts";

const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 2 ** 31);
const reason = wireReasons.HEADER_NAME_INVALID;
const reasons: HeadReasons = {
  name: reason,
  folded: reason,
  hostRepeated: reason,
  lengthRepeated: reason,
  framing: reason,
  tooMany: reason,
};

function random(state: { value: number }, below: number): number {
  state.value = (Math.imul(state.value, 1_103_515_245) + 12_345) & 0x7fffffff;
  return (state.value >>> 8) % below;
}

/** What a reader makes of the lines of `text`, which stand somewhere in a buffer that was used before. */
function readingOf(reader: HeaderReader, text: string, buffer: Buffer): unknown {
  const base = 7;
  buffer.write(text, base, "latin1");
  const source = { bytes: buffer, base, glanceBytes: 256, text: latin1From(buffer, base, base + text.length) };
  try {
    const end = reader.read(source, 0);
    const { headers, host, contentLength, connection, expect } = reader;
    return end === -1 ? end : { end, headers, host, contentLength, connection, expect };
  } catch (thrown) {
    return (thrown as WireError).reason;
  }
}

const lines = [
  "Host: a",
  "Host: b",
  "Accept: */*",
  "accept: */*",
  "X-Id: 1",
  "X-Id: 2",
  "X-Id:  2 ",
  "X-Id: 22",
  "Connection: close",
  "Content-Length: 5",
  "Expect: x",
  "X: \x01",
  "bad",
  "Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

test(`header reader reads every head as one without memory does, after any others (WEIR_SEED=${seed})`, () => {
  const state = { value: seed };
  const shared = Buffer.alloc(65_536);
  for (let connection = 0; connection < 300; connection += 1) {
    const remembering = new HeaderReader(40, reasons);
    let head: string[] = [];
    for (let count = 0; count < 40; count += 1) {
      // Mostly the lines of last time with a change or two, as clients do.
      if (head.length === 0 || random(state, 5) === 0)
        head = Array.from({ length: random(state, 45) }, () => lines[random(state, lines.length)] as string);
      for (let changes = random(state, 3); changes > 0 && head.length > 0; changes -= 1)
        head[random(state, head.length)] = lines[random(state, lines.length)] as string;
      let text = `${head.join("\r\n")}${head.length > 0 ? "\r\n" : ""}\r\n`;
      if (random(state, 4) === 0) text = text.slice(0, random(state, text.length));
      const expected = readingOf(new HeaderReader(40, reasons), text, Buffer.alloc(65_536));
      assert.deepEqual(readingOf(remembering, text, shared), expected, JSON.stringify(text));
    }
  }
});
