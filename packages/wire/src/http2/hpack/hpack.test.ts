import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ConnectionFault } from "../fault.ts";
import { HpackDecoder } from "./decoder.ts";
import { HpackEncoder } from "./encoder.ts";
import type { HeaderField } from "./field.ts";
import { huffmanDecoded, huffmanDecodedLengthMax, huffmanLength, writeHuffman } from "./huffman.ts";

function bytesFrom(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replace(/\s/g, ""), "hex"));
}

/** Decodes a block to lines "name: value". */
function decoded(decoder: HpackDecoder, bytes: Uint8Array): string[] {
  const lines: string[] = [];
  decoder.decode(bytes, { at: 0, end: bytes.length }, { field: (field: HeaderField) => void lines.push(`${field.name}: ${field.value}`) });
  return lines;
}

function isCompressionFault(thrown: unknown): boolean {
  return thrown instanceof ConnectionFault && thrown.errorCode === 9;
}

/** Numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const request1 = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
const request2 = [...request1, "cache-control: no-cache"];
const request3 = [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"];
const location = "location: https://www.example.com";
const date1 = "date: Mon, 21 Oct 2013 20:13:21 GMT";
const response1 = [":status: 302", "cache-control: private", date1, location];
const response2 = [":status: 307", "cache-control: private", date1, location];
const response3 = [
  ":status: 200",
  "cache-control: private",
  "date: Mon, 21 Oct 2013 20:13:22 GMT",
  location,
  "content-encoding: gzip",
  "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
];

interface Example {
  readonly name: string;
  readonly tableBytes: number;
  /** Blocks on one connection: bytes, fields, and the size of the table afterwards. */
  readonly blocks: readonly (readonly [hex: string, fields: readonly string[], bytes: number])[];
}

// RFC 7541 Appendix C.
const examples: readonly Example[] = [
  {
    name: "C.2.1",
    tableBytes: 4096,
    blocks: [["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", ["custom-key: custom-header"], 55]],
  },
  { name: "C.2.2", tableBytes: 4096, blocks: [["040c 2f73 616d 706c 652f 7061 7468", [":path: /sample/path"], 0]] },
  { name: "C.2.3", tableBytes: 4096, blocks: [["1008 7061 7373 776f 7264 0673 6563 7265 74", ["password: secret"], 0]] },
  { name: "C.2.4", tableBytes: 4096, blocks: [["82", [":method: GET"], 0]] },
  {
    name: "C.3",
    tableBytes: 4096,
    blocks: [
      ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", request1, 57],
      ["8286 84be 5808 6e6f 2d63 6163 6865", request2, 110],
      ["8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", request3, 164],
    ],
  },
  {
    name: "C.4",
    tableBytes: 4096,
    blocks: [
      ["8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", request1, 57],
      ["8286 84be 5886 a8eb 1064 9cbf", request2, 110],
      ["8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", request3, 164],
    ],
  },
  {
    name: "C.5",
    tableBytes: 256,
    blocks: [
      [
        `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d
         546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        response1,
        222,
      ],
      ["4803 3330 37c1 c0bf", response2, 222],
      [
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
         6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
         2076 6572 7369 6f6e 3d31`,
        response3,
        215,
      ],
    ],
  },
  {
    name: "C.6",
    tableBytes: 256,
    blocks: [
      [
        `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7
         8f0b 97c8 e9ae 82ae 43d3`,
        response1,
        222,
      ],
      ["4883 640e ffc1 c0bf", response2, 222],
      [
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
         dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
        response3,
        215,
      ],
    ],
  },
];

for (const example of examples) {
  test(`the decoder reads RFC 7541 ${example.name} and its table is as large as there`, () => {
    const decoder = new HpackDecoder(example.tableBytes);
    for (const [hex, fields, bytes] of example.blocks) {
      assert.deepEqual(decoded(decoder, bytesFrom(hex)), fields);
      assert.equal(decoder.tableBytes, bytes);
    }
  });
}

test("the Huffman code brings every byte back, and its length is the one announced", () => {
  const all = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join("");
  for (const text of ["", "a", "www.example.com", all, all.repeat(3), ...all.split("")]) {
    const out = new Uint8Array(text.length * 4 + 8);
    const end = writeHuffman(text, out, 0);
    assert.equal(end, huffmanLength(text));
    const back = new Uint8Array(huffmanDecodedLengthMax(end));
    const length = huffmanDecoded(out, { at: 0, end }, back);
    assert.equal(Buffer.from(back.subarray(0, length)).toString("latin1"), text);
  }
});

test("the Huffman decoder refuses padding that is too long or not ones, and the end-of-string symbol", () => {
  // "a" is 00011; then padding of zeros, of more than seven ones, and the symbol itself.
  for (const hex of ["18", "1fff", "ffffffff", "fffffffc", "ff", "1b"]) {
    const bytes = bytesFrom(hex);
    assert.equal(huffmanDecoded(bytes, { at: 0, end: bytes.length }, new Uint8Array(64)), -1, hex);
  }
  assert.equal(huffmanDecoded(bytesFrom("1f"), { at: 0, end: 1 }, new Uint8Array(64)), 1);
});

const faulty: readonly (readonly [name: string, hex: string])[] = [
  ["index 0", "80"],
  ["an index beyond both tables", "be"],
  ["an index far beyond", "ffff7f"],
  ["a number without an end", "ffffffffffffffff"],
  ["a number cut short", "ff80"],
  ["a name index beyond both tables", "7e0161"],
  ["a string longer than the block", "000a61"],
  ["a string without its length", "00"],
  ["a value that is missing", "000161"],
  ["a wrong Huffman code", "00016184ffffffff"],
  ["a size update beyond the limit", "3fe21f"],
  ["a size update behind a field", "8220"],
];

for (const [name, hex] of faulty) {
  test(`the decoder answers ${name} with a compression error`, () => {
    assert.throws(() => decoded(new HpackDecoder(4096), bytesFrom(hex)), isCompressionFault);
  });
}

test("the decoder wants a smaller table confirmed at the start of the next block", () => {
  const decoder = new HpackDecoder(4096);
  decoder.setTableBytesMax(100);
  assert.throws(() => decoded(decoder, bytesFrom("82")), isCompressionFault);
  const other = new HpackDecoder(4096);
  other.setTableBytesMax(100);
  assert.deepEqual(decoded(other, bytesFrom("3f4582")), [":method: GET"]);
});

test("the decoder ends in fields or a compression error, whatever the bytes", () => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const corpus = examples.flatMap((example) => example.blocks.map(([hex]) => bytesFrom(hex)));
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = Uint8Array.from(corpus[Math.floor(random() * corpus.length)] as Uint8Array);
    const end = Math.ceil(random() * bytes.length);
    for (let change = 0; change < 3; change += 1) bytes[Math.floor(random() * end)] = Math.floor(random() * 256);
    const decoder = new HpackDecoder(256);
    try {
      decoder.decode(bytes, { at: 0, end }, { field: (field) => assert.ok(field.size >= 32) });
    } catch (thrown) {
      assert.ok(isCompressionFault(thrown), `seed ${seed}: ${String(thrown)}`);
    }
    assert.ok(decoder.tableBytes <= 256);
  }
});

test("what the encoder writes the decoder reads, through changes of the table", () => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096);
  const names = [":path", ":status", "content-type", "authorization", "x-one", "x-two", "date", "cookie", "accept"];
  const out = new Uint8Array(65_536);
  for (let round = 0; round < 3000; round += 1) {
    if (random() < 0.05) {
      const bytes = Math.floor(random() * 5000);
      encoder.setTableBytesMax(bytes);
      if (random() < 0.5) encoder.setTableBytesMax(4096);
    }
    const fields = Array.from({ length: Math.floor(random() * 8) }, () => ({
      name: names[Math.floor(random() * names.length)] as string,
      value: random() < 0.7 ? `value ${Math.floor(random() * 12)}` : "é".repeat(Math.floor(random() * 300)),
    }));
    let end = encoder.begin(out, 0);
    for (const field of fields) end = encoder.field(out, end, field);
    const lines = decoded(decoder, out.subarray(0, end));
    assert.deepEqual(
      lines,
      fields.map(({ name, value }) => `${name}: ${value}`),
      `seed ${seed}, round ${round}`,
    );
  }
});

test("the encoder refers to a field that it says again, and never to credentials or cookies", () => {
  const encoder = new HpackEncoder(4096);
  const out = new Uint8Array(1024);
  const lengths = (name: string): number[] =>
    [1, 2, 3].map(() => encoder.field(out, encoder.begin(out, 0), { name, value: "some value of some length" }));
  const [first, , third] = lengths("x-request") as [number, number, number];
  assert.ok(first > 20);
  assert.equal(third, 1);
  for (const name of ["authorization", "cookie", "set-cookie"]) {
    assert.ok(lengths(name).every((length) => length > 20));
    encoder.field(out, 0, { name, value: "x" });
    assert.equal((out[0] as number) & 0xf0, 0x10);
  }
});

test("the encoder tells both sizes when its table shrank and grew between two blocks", () => {
  const encoder = new HpackEncoder(4096);
  const out = new Uint8Array(64);
  encoder.setTableBytesMax(0);
  encoder.setTableBytesMax(100_000);
  const end = encoder.begin(out, 0);
  assert.equal(Buffer.from(out.subarray(0, end)).toString("hex"), "203fe11f");
  assert.equal(encoder.begin(out, 0), 0);
});

test("the encoder holds no values that are too long for its table", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const encoder = new HpackEncoder(4096);
  const out = new Uint8Array(65_536);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < 1000; count += 1) {
    // Text of its own, which is not a piece of another.
    const value = Buffer.alloc(10_000, String.fromCharCode(97 + (count % 26), 97 + Math.floor(count / 26))).toString("latin1");
    encoder.field(out, encoder.begin(out, 0), { name: `x-${count % 60}`, value });
  }
  collect();
  const held = process.memoryUsage().heapUsed - before;
  assert.ok(held < 2e6, `${held} bytes`);
  assert.ok(encoder.settled, "nothing would be shorter next time");
});
