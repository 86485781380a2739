import assert from "node:assert/strict";
import { test } from "node:test";
import { closeFrame, FrameWatch } from "./frame-watch.ts";

/** A frame whose length is written in the shortest form. */
function frameOf(opcode: number, length: number, mask?: Uint8Array): Uint8Array {
  const bit = mask === undefined ? 0 : 128;
  const size =
    length < 126
      ? [bit | length]
      : length < 65_536
        ? [bit | 126, length >> 8, length & 255]
        : [bit | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  return Uint8Array.of(opcode, ...size, ...(mask ?? []), ...new Uint8Array(length).fill(0x88));
}

test("watch knows where each frame ends, however the bytes are cut", () => {
  const mask = Uint8Array.of(1, 2, 3, 4);
  const frames = [
    frameOf(0x81, 0),
    frameOf(0x82, 5, mask),
    frameOf(0x01, 126),
    frameOf(0x00, 300, mask),
    frameOf(0x89, 125),
    frameOf(0x80, 70_000),
  ];
  const ends = new Set<number>();
  let total = 0;
  for (const frame of frames) ends.add((total += frame.length));
  const bytes = Buffer.concat(frames);
  for (const step of [1, 2, 3, 7, 125, 1000, bytes.length]) {
    const watch = new FrameWatch();
    for (let at = 0; at < bytes.length; at += step) {
      const piece = bytes.subarray(at, at + step);
      watch.push(piece);
      const passed = at + piece.length;
      assert.equal(watch.atBoundary, ends.has(passed), `after ${passed} bytes in pieces of ${step}`);
      const last = Math.max(0, ...[...ends].filter((end) => end > at && end <= passed));
      assert.equal(watch.wholeBytes, last === 0 ? 0 : last - at);
    }
    assert.equal(watch.closeCode, 0);
  }
});

test("watch reads the code of a close, masked or not, in pieces or whole", () => {
  for (const bytes of [closeFrame(4321), closeFrame(4321, Uint8Array.of(9, 8, 7, 6))]) {
    for (const step of [1, 3, 100]) {
      const watch = new FrameWatch();
      for (let at = 0; at < bytes.length; at += step) watch.push(bytes.subarray(at, at + step));
      assert.equal(watch.closeCode, 4321);
      assert.ok(watch.atBoundary);
    }
  }
  const watch = new FrameWatch();
  watch.push(Uint8Array.of(0x88, 0));
  assert.equal(watch.closeCode, 1005, "a close without a code");
});
