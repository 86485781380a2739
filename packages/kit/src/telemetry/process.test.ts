import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { systemClock } from "../clock.ts";
import { createMetrics } from "./metrics.ts";
import { createProcessMetrics } from "./process.ts";

function value(text: string, sample: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${sample} `));
  assert.ok(line, `no ${sample} in\n${text}`);
  return Number(line.slice(sample.length + 1));
}

/** Real time is the subject here: a loop has to be idle, or late, for a while. */
const turnsOfTheLoop = (durationMs: number): Promise<void> => systemClock.sleep(durationMs);

test("process metrics tell CPU, memory, handles and garbage collection", async (t) => {
  const metrics = createMetrics();
  const observed = createProcessMetrics(metrics);
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => {
    observed.close();
    server.close();
  });
  const endMs = performance.now() + 5000;
  while (value(metrics.text(), 'nodejs_gc_pauses_total{kind="minor"}') === 0 && performance.now() < endMs) {
    assert.equal(Array.from({ length: 100_000 }, (_, index) => ({ index })).length, 100_000);
    // The platform tells of collections in a turn of its own.
    await turnsOfTheLoop(1);
  }
  const text = metrics.text();
  assert.ok(value(text, 'nodejs_gc_pauses_total{kind="minor"}') >= 1);
  assert.ok(value(text, 'nodejs_gc_pause_seconds_total{kind="minor"}') > 0);
  assert.ok(value(text, "process_resident_memory_bytes") > 2 ** 24);
  assert.ok(value(text, "nodejs_heap_used_bytes") > 2 ** 20);
  assert.ok(value(text, 'nodejs_active_resources{type="TCPServerWrap"}') >= 1);
  assert.ok(value(text, "process_start_time_seconds") > 1.7e9);
  const cpu = process.cpuUsage();
  assert.ok(Math.abs(value(metrics.text(), "process_cpu_seconds_total") - (cpu.user + cpu.system) / 1e6) < 0.5);
});

test("process metrics show a blocked loop, and an idle one as not late", async (t) => {
  const metrics = createMetrics();
  const observed = createProcessMetrics(metrics, { windowMs: 60_000 });
  t.after(() => observed.close());
  await turnsOfTheLoop(200);
  const idle = metrics.text();
  assert.ok(value(idle, 'nodejs_eventloop_delay_seconds{quantile="0.5"}') < 0.018, "an idle loop is not late");
  assert.ok(value(idle, "nodejs_eventloop_utilization_ratio") < 0.9);
  const endMs = performance.now() + 150;
  while (performance.now() < endMs);
  await turnsOfTheLoop(50);
  const blocked = metrics.text();
  assert.ok(value(blocked, 'nodejs_eventloop_delay_seconds{quantile="1"}') > 0.1, "the block of 150 ms is seen");
});

test("process metrics tell of the last whole window", async (t) => {
  const metrics = createMetrics();
  const observed = createProcessMetrics(metrics, { windowMs: 100 });
  t.after(() => observed.close());
  await turnsOfTheLoop(60);
  const endMs = performance.now() + 120;
  while (performance.now() < endMs);
  // The window may turn over at any moment: the block must be seen in one of those that follow.
  let seen = 0;
  for (let turn = 0; turn < 20; turn++) {
    await turnsOfTheLoop(5);
    seen = Math.max(seen, value(metrics.text(), 'nodejs_eventloop_delay_seconds{quantile="1"}'));
  }
  assert.ok(seen > 0.08, `${seen}`);
  await turnsOfTheLoop(250);
  assert.ok(value(metrics.text(), 'nodejs_eventloop_delay_seconds{quantile="1"}') < 0.08, "the block has left the window");
});
