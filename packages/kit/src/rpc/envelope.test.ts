import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { EnvelopeLimits } from "./envelope.ts";
import { bytesFromEnvelope, envelopesFromBody } from "./envelope.ts";

const limits: EnvelopeLimits = { bytesMax: 1000, tooLarge: kitReasons.REQUEST_TOO_LARGE, truncated: kitReasons.STREAM_TRUNCATED };

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function read(body: Uint8Array | AsyncIterable<Uint8Array> | undefined): Promise<[flags: number, data: number[]][]> {
  const found: [number, number[]][] = [];
  for await (const { flags, data } of envelopesFromBody(body, limits)) found.push([flags, [...data]]);
  return found;
}

test("envelopes are read back however the bytes are split", async () => {
  const message = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }));
  const property = fc.asyncProperty(
    fc.array(message, { maxLength: 6 }),
    fc.array(
      fc.integer({ min: 0, max: 9 }).map((n) => n || 30),
      { minLength: 1 },
    ),
    async (messages, sizes) => {
      const bytes = Buffer.concat(messages.map(([flags, data]) => bytesFromEnvelope(flags, data)));
      assert.deepEqual(
        await read(chunksOf(bytes, sizes)),
        messages.map(([flags, data]) => [flags, [...data]]),
      );
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

test("no body has no envelopes, a whole body may have several", async () => {
  assert.deepEqual(await read(undefined), []);
  assert.deepEqual(await read(new Uint8Array(0)), []);
  const two = Buffer.concat([bytesFromEnvelope(0, Uint8Array.of(1)), bytesFromEnvelope(2, new Uint8Array(0))]);
  assert.deepEqual(await read(two), [
    [0, [1]],
    [2, []],
  ]);
});

test("a body that ends inside an envelope is refused wherever it is cut", async () => {
  const whole = bytesFromEnvelope(0, Uint8Array.of(1, 2, 3));
  for (let cut = 1; cut < whole.length; cut++) {
    await assert.rejects(
      read(whole.subarray(0, cut)),
      (thrown) => isFault(thrown) && thrown.reason === "STREAM_TRUNCATED",
      `cut at ${cut}`,
    );
  }
});

test("a message over the limit is refused by its prefix, before its bytes come", async () => {
  const prefix = Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff);
  let asked = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield prefix;
    for (;;) {
      asked++;
      yield new Uint8Array(100);
    }
  }
  await assert.rejects(
    read(endless()),
    (thrown) => isFault(thrown) && thrown.reason === "REQUEST_TOO_LARGE" && thrown.message.includes("4294967295"),
  );
  assert.equal(asked, 0);
});

test("leaving the loop leaves the body", async () => {
  let left = false;
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield bytesFromEnvelope(0, Uint8Array.of(1));
    } finally {
      left = true;
    }
  }
  for await (const envelope of envelopesFromBody(body(), limits)) if (envelope.flags === 0) break;
  assert.equal(left, true);
});
