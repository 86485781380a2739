import assert from "node:assert/strict";
import { test } from "node:test";
import { createFormats } from "./format.ts";

const en = createFormats("en");
const zh = createFormats("zh");
const plain = (text: string): string => text.replaceAll("\u00a0", " ");

test("shares are written in percent with what digits they have", () => {
  assert.deepEqual([0, 1, 500, 2050, 10000].map(en.share), ["0%", "0.01%", "5%", "20.5%", "100%"]);
});

test("ratios are written so that a small one is told from none", () => {
  assert.deepEqual([0, 0.00012, 0.0104, 0.194, 1].map(en.percent), ["0%", "0.012%", "1.04%", "19.4%", "100%"]);
});

test("differences carry their sign and a real minus", () => {
  assert.deepEqual([0.0059, -0.127, 0].map(en.points), ["+0.59", "−12.7", "0"]);
  assert.deepEqual([1.25, 0.78, 1].map(en.change), ["+25%", "−22%", "0%"]);
});

test("latencies change their unit at a second", () => {
  assert.deepEqual(
    [0.42, 6.2, 31.4, 999, 1300, 12_000].map((ms) => plain(en.latency(ms))),
    ["0.42 ms", "6.2 ms", "31 ms", "999 ms", "1.30 s", "12.0 s"],
  );
});

test("durations are exact where it matters and ages never flicker below a second", () => {
  assert.deepEqual(
    [310, 9990, 59_999, 61_000, 3_600_000, 90_000_000].map((ms) => plain(en.duration(ms))),
    ["0.31 s", "9.99 s", "59 s", "1 min", "1 h", "1 d"],
  );
  assert.deepEqual(
    [-50, 999, 1000, 4999].map((ms) => plain(en.age(ms))),
    ["<1 s", "<1 s", "1 s", "4 s"],
  );
  assert.equal(plain(zh.age(61_000)), "1 分钟");
});
