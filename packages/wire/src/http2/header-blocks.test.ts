import assert from "node:assert/strict";
import { test } from "node:test";
import { frame, get, block, bytesOf, http2Conversation, joined, preface, randomFrom, settings } from "../testing/http2-wire.ts";
import { turn } from "../testing/turns.ts";
import { HeaderBlocks, headerReasons } from "./header-blocks.ts";
import { HpackDecoder } from "./hpack/decoder.ts";

test("a list that comes again means the same to the other side, whatever the table has become", () => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const blocks = new HeaderBlocks(4096, headerReasons.response);
  const decoder = new HpackDecoder(4096);
  const lists = [
    ["content-type", "application/grpc", "x-one", "1"],
    ["content-type", "application/grpc"],
    ["x-two", "22", "x-one", "1", "set-cookie", "a=b"],
    ["x-three", "y".repeat(900)],
    ["x-four", "z".repeat(900), "content-type", "text/plain"],
  ];
  for (let round = 0; round < 2000; round += 1) {
    const list = random() < 0.9 ? (lists[Math.floor(random() * lists.length)] as string[]) : ["x-new", String(round % 40), "x-one", "1"];
    const lines: string[] = [];
    blocks.begin();
    blocks.list(list);
    decoder.decode(blocks.bytes, { at: 0, end: blocks.end }, { field: ({ name, value }) => void lines.push(name, value) });
    assert.deepEqual(lines, list, `seed ${seed}, round ${round}`);
  }
});

test("a header block that comes again is not taken for what it meant before the table changed", async () => {
  const seen: string[] = [];
  const { connection } = http2Conversation(async (request) => {
    seen.push(request.headers.join("="));
    return { status: 200, headers: [] };
  });
  const inserted = (id: number, name: string): Uint8Array =>
    frame([1, 5], id, joined(block(...get), Uint8Array.of(0x40, 1), bytesOf(name), Uint8Array.of(1), bytesOf("v")));
  const again = (id: number): Uint8Array => frame([1, 5], id, joined(block(...get), Uint8Array.of(0xbe)));
  connection.receive(joined(preface, settings(), inserted(1, "a"), again(3), again(5), inserted(7, "b"), again(9), again(11)));
  await turn();
  assert.deepEqual(seen, ["a=v", "a=v", "a=v", "b=v", "b=v", "b=v"]);
});

test("names and values that could split a message never get into a block", () => {
  const blocks = new HeaderBlocks(4096, headerReasons.response);
  for (const list of [
    ["A", "b"],
    ["a b", "c"],
    ["", "c"],
    [":status", "200"],
    ["a", "b\r\nc"],
    ["a", "b\0"],
    ["te", "gzip"],
    ["host", "x"],
  ]) {
    blocks.begin();
    assert.throws(() => blocks.list(list), { reason: "RESPONSE_HEADER_INVALID" }, list.join());
  }
  blocks.begin();
  blocks.list(["content-type", "a"]);
  blocks.begin();
  assert.throws(() => blocks.list(["content-type", "a"], true), { reason: "RESPONSE_HEADER_INVALID" });
});

test("a block that is begun anew means the same to the other side as if it had not been begun before", () => {
  const blocks = new HeaderBlocks(4096, headerReasons.response);
  const decoder = new HpackDecoder(4096);
  const sent = (status: string, list: string[]): string[] => {
    const lines: string[] = [];
    blocks.begin();
    blocks.field(":status", status);
    blocks.list(list);
    decoder.decode(blocks.bytes, { at: 0, end: blocks.end }, { field: ({ name, value }) => void lines.push(name, value) });
    return lines;
  };
  // A field enters the table when it is said again: the first status here, unseen by the other side, the second there.
  const list = ["x-one", "1"];
  assert.deepEqual(sent("302", list), [":status", "302", ...list]);
  assert.deepEqual(sent("302", list), [":status", "302", ...list]);
  for (const status of ["302", "418", "418"]) {
    assert.throws(() => sent(status, ["location", "a\nb"]), { reason: "RESPONSE_HEADER_INVALID" });
    assert.deepEqual(sent("302", list), [":status", "302", ...list]);
  }
  blocks.encoder.setTableBytesMax(0);
  decoder.setTableBytesMax(0);
  assert.throws(() => sent("302", ["location", "a\nb"]), { reason: "RESPONSE_HEADER_INVALID" });
  for (let round = 0; round < 3; round += 1) assert.deepEqual(sent("418", list), [":status", "418", ...list]);
});
