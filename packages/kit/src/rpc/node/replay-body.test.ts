import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplayBody } from "./replay-body.ts";

test("a piece that two tries wait for is the second's", async () => {
  const slow = Promise.withResolvers<void>();
  async function* source(): AsyncGenerator<Uint8Array, void> {
    yield Buffer.of(1);
    await slow.promise;
    yield Buffer.of(2);
    yield Buffer.of(3);
  }
  const body = new ReplayBody(source());
  const first = body[Symbol.asyncIterator]();
  assert.deepEqual((await first.next()).value, Buffer.of(1));
  const unanswered = first.next();
  void first.return?.();
  const second = body[Symbol.asyncIterator]();
  const pieces = [(await second.next()).value, second.next()];
  // The answer begins before the request goes on, as it may in both directions at once.
  body.settle(false);
  slow.resolve();
  assert.equal((await unanswered).done, true);
  assert.deepEqual(
    [...(await Promise.all(pieces.map(async (piece) => await piece))), await second.next(), (await second.next()).done],
    [Buffer.of(1), { done: false, value: Buffer.of(2) }, { done: false, value: Buffer.of(3) }, true],
  );
});
