import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { childSpan, traceFromTraceparent, traceparentFrom } from "./trace-context.ts";

const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("a traceparent is read and written back", () => {
  const trace = traceFromTraceparent(good);
  assert.deepEqual(trace, { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true });
  assert.ok(trace);
  assert.equal(traceparentFrom(trace), good);
  assert.equal(traceFromTraceparent(good.replace(/01$/, "00"))?.sampled, false);
  assert.equal(traceFromTraceparent(good.replace(/01$/, "ff"))?.sampled, true);
});

test("a later version is read by its first fields, a malformed header as absent", () => {
  assert.ok(traceFromTraceparent(`cc${good.slice(2)}`));
  assert.ok(traceFromTraceparent(`cc${good.slice(2)}-what-the-future-brings`));
  const bad = [
    "",
    good.slice(1),
    `${good}-more`,
    `ff${good.slice(2)}`,
    `cc${good.slice(2)}x`,
    good.replace("0af7", "0AF7"),
    good.replace("0af7", "0gf7"),
    good.replace("0af7651916cd43dd8448eb211c80319c", "0".repeat(32)),
    good.replace("b7ad6b7169203331", "0".repeat(16)),
    good.replaceAll("-", "_"),
    good.replace(/01$/, "0x"),
  ];
  for (const header of bad) assert.equal(traceFromTraceparent(header), undefined, header);
});

test("a child span keeps the trace and has an id of its own", () => {
  const clock = createVirtualClock({ seed: 3 });
  const trace = traceFromTraceparent(good);
  assert.ok(trace);
  const ids = new Set(Array.from({ length: 1000 }, () => childSpan(trace, clock).spanId));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert.match(id, /^(?!0{16})[0-9a-f]{16}$/);
  assert.equal(childSpan(trace, { ...clock, random: () => 0 }).spanId, "0000000100000001");
  assert.equal(childSpan(trace, { ...clock, random: () => 1 - 2 ** -53 }).spanId, "ffffffffffffffff");
});
