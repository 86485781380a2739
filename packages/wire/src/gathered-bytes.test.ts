import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { GatheredBytes } from "./gathered-bytes.ts";
import type { HttpHandler } from "./http.ts";
import { bytesOf, conversation } from "./testing/conversation.ts";
import { randomFrom } from "./testing/fuzz/fuzz-target.ts";
import { data, frame, headers, http2Conversation, joined, post, preface, settings } from "./testing/http2-wire.ts";
import { turn } from "./testing/turns.ts";

const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 2 ** 31);

test(`gathered bytes come out as they went in, however they were cut and taken (WEIR_SEED=${seed})`, () => {
  for (let round = 0; round < 200; round += 1) {
    const random = randomFrom(seed + round);
    const gathered = new GatheredBytes();
    const sent: Uint8Array[] = [];
    const taken: Uint8Array[] = [];
    let length = 0;
    for (let step = 0; step < 300; step += 1) {
      if (random(3) > 0) {
        const piece = Buffer.from(Array.from({ length: random(random(8) === 0 ? 2000 : 20) }, () => random(256)));
        sent.push(Buffer.from(piece));
        gathered.push(piece);
        length += piece.length;
      } else if (random(20) === 0) taken.push(...gathered.take());
      else taken.push(gathered.shift() ?? new Uint8Array(0));
      assert.equal(gathered.length, length - taken.reduce((sum, one) => sum + one.length, 0));
    }
    taken.push(gathered.whole());
    assert.equal(gathered.shift(), undefined);
    assert.deepEqual(Buffer.concat(taken), Buffer.concat(sent));
  }
});

test("what has been handed out does not change when more comes", () => {
  const gathered = new GatheredBytes();
  for (const letter of "ab") gathered.push(Buffer.from(letter));
  const first = gathered.shift() as Uint8Array;
  for (const letter of "cd") gathered.push(Buffer.from(letter));
  assert.equal(Buffer.from(first).toString(), "ab");
  assert.equal(Buffer.from(gathered.whole()).toString(), "cd");
});

test("a lone piece, and large ones, are handed out uncopied", () => {
  const gathered = new GatheredBytes();
  const pieces = [Buffer.from("a"), Buffer.alloc(1000), Buffer.alloc(2000), Buffer.from("b")];
  for (const piece of pieces) gathered.push(piece);
  assert.ok(gathered.take().every((piece, index) => piece === pieces[index]));
});

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
/** What is held beside what was held before. Buffers that are free are given back some time after a collection: it is asked more than once. */
async function heldBytes(before: number, bytesMax: number): Promise<number> {
  for (let asked = 1; ; asked++) {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const bytes = heapUsed + arrayBuffers - before;
    if (bytes < bytesMax || asked === 20) return bytes;
    await turn();
  }
}

test("a reader that never catches up keeps nothing of what it has taken", async () => {
  const gathered = new GatheredBytes();
  const before = await heldBytes(0, 0);
  gathered.push(Buffer.alloc(1000));
  for (let count = 0; count < 50_000; count += 1) {
    gathered.push(Buffer.alloc(1000));
    assert.equal(gathered.shift()?.length, 1000);
  }
  const bytes = await heldBytes(before, 5e6);
  assert.ok(bytes < 5e6, `${bytes} bytes for one piece of 1,000`);
});

const waiting: HttpHandler = () => new Promise(() => undefined);
const octets = 60_000;

/** Feeds bodies byte by byte, for which nobody asks, and answers what holds them. */
const senders: Record<string, () => unknown> = {
  "DATA frames, in a stream": () => {
    const { connection } = http2Conversation(waiting);
    connection.receive(joined(preface, settings(), frame([4, 1], 0), headers(1, post, false)));
    for (let count = 0; count < octets; count += 100) connection.receive(joined(...Array.from({ length: 100 }, () => data(1, "x"))));
    return connection;
  },
  "DATA frames, of a short body": () => {
    const { connection } = http2Conversation(waiting);
    connection.receive(joined(preface, settings(), frame([4, 1], 0), headers(1, [...post, "content-length", "65000"], false)));
    for (let count = 0; count < octets; count += 100) connection.receive(joined(...Array.from({ length: 100 }, () => data(1, "x"))));
    return connection;
  },
  "packets of HTTP/1.1": () => {
    const { connection } = conversation(waiting);
    connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65000\r\n\r\n"));
    for (let count = 0; count < octets; count += 1) connection.receive(bytesOf("x"), 1, true);
    return connection;
  },
  "chunks of HTTP/1.1": () => {
    const { connection } = conversation(waiting);
    connection.receive(bytesOf(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(octets)}`));
    return connection;
  },
};
for (const [name, send] of Object.entries(senders)) {
  test(`a body of ${octets} bytes that comes one by one, in ${name}, holds little more memory than that`, async () => {
    const before = await heldBytes(0, 0);
    const held = send();
    await turn();
    const bytes = await heldBytes(before, 1e6);
    assert.ok(held !== undefined && bytes < 1e6, `${bytes} bytes`);
  });
}
