import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createJumpClock } from "./jump-clock.ts";
import { Ledger } from "./ledger.ts";
import { handlesBeyond } from "./memory.ts";
import type { SoakReport } from "./soak.ts";
import { growth, neverDone } from "./soak.ts";
import { trendOf } from "./trend.ts";

const seconds = 24;
const main = fileURLToPath(new URL("./main.ts", import.meta.url));

/** A soak in a process of its own, as its memory and handles are what is looked at. */
async function soaked(t: TestContext, ...more: string[]): Promise<{ readonly code: number; readonly report: SoakReport }> {
  const folder = mkdtempSync(`${tmpdir()}/weir-soak-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const file = `${folder}/soak.json`;
  const { code, said } = await new Promise<{ code: number; said: string }>((resolve) => {
    const child = execFile(process.execPath, [main, "--json", file, ...more], { timeout: 120_000 }, (_, __, stderr) =>
      resolve({ code: child.exitCode ?? -1, said: stderr }),
    );
  });
  assert.ok(existsSync(file), `the soak ended with ${code} and no report:\n${said.slice(-4000)}`);
  return { code, report: JSON.parse(readFileSync(file, "utf8")) as SoakReport };
}

test(`${seconds} s of trouble leave nothing pending, no handle, and no growing memory`, async (t) => {
  const { code, report } = await soaked(t, "--seconds", `${seconds}`);
  assert.deepEqual(report.findings, [], `seed ${report.seed}`);
  assert.equal(code, 0);
  assert.ok(report.restarts > 2 && report.calls > 300, `${report.calls} calls, ${report.restarts} restarts`);
  const kinds = Object.keys(report.tallies).join();
  for (const one of ["REST", "WebSocket", "grpc conversation", "grpc-web", "connect", "GOAWAY", "resets"])
    assert.ok(kinds.includes(one), one);
  const reasons = Object.values(report.tallies).flatMap(({ failed }) => Object.keys(failed));
  assert.ok(reasons.includes("CALL_CANCELLED") && reasons.includes("DEADLINE_EXCEEDED"), reasons.join());
  t.diagnostic(`${report.calls} calls, ${report.restarts} restarts`);
});

test("a planted leak, a promise that stays pending and a handle that is left are found", async (t) => {
  const plants = ["leak", "promise", "handle"].flatMap((plant) => ["--plant", plant]);
  const { code, report } = await soaked(t, "--seconds", "15", ...plants);
  const found = report.findings.join("\n");
  assert.match(found, /^memory grows: .* a second$/m);
  assert.match(found, /^promises are pending: planted for \d+ ms$/m);
  assert.match(found, /^handles are left: Timeout × 1$/m);
  assert.equal(report.findings.length, 3, found);
  assert.equal(code, 1);
});

test("a kind of call that never comes to its end is a finding", () => {
  const failed = { PEER_UNREACHABLE: 20, DEADLINE_EXCEEDED: 10 };
  assert.deepEqual(neverDone({ a: { done: 0, failed }, b: { done: 1, failed }, c: { done: 0, failed: { CALL_CANCELLED: 3 } } }), [
    "a: not one of 30 calls came to its end",
  ]);
});

/** Samples around a line, by a sine that no slope explains. */
function samples(slope: number, noise: number): { seconds: number; bytes: number }[] {
  return Array.from({ length: 60 }, (_, index) => ({ seconds: index * 5, bytes: 2e7 + slope * index * 5 + noise * Math.sin(index * 7.3) }));
}

test("a trend holds zero where nothing grows, and does not where something does", () => {
  const still = trendOf(samples(0, 50_000));
  assert.ok(still !== undefined && still.low < 0 && still.high > 0, JSON.stringify(still));
  const growing = trendOf(samples(2_000, 50_000));
  assert.ok(growing !== undefined && growing.low > 1_000 && growing.high < 3_000, JSON.stringify(growing));
  assert.equal(Math.round((trendOf(samples(100, 0))?.bytesInEightHours ?? 0) / 1000), 2880);
});

test("neighbours that are alike widen the interval", () => {
  const wandering = samples(0, 0).map((one, index) => ({ ...one, bytes: one.bytes + 1e5 * Math.sin(index / 5) }));
  const jumping = samples(0, 0).map((one, index) => ({ ...one, bytes: one.bytes + 1e5 * Math.sin(index * 7.3) }));
  const width = (list: typeof wandering): number => (trendOf(list)?.high ?? 0) - (trendOf(list)?.low ?? 0);
  assert.ok(width(wandering) > 2 * width(jumping), `${width(wandering)} ${width(jumping)}`);
});

test("a long run may not grow at all, a short one a little, and too few samples tell nothing", () => {
  const trend = trendOf(samples(2_000, 1_000));
  assert.match(growth(trend, 600).join(), /^memory grows/);
  assert.deepEqual(growth(trend, 30), []);
  assert.match(growth(trendOf(samples(200_000, 1_000)), 30).join(), /^memory grows/);
  assert.deepEqual(growth(trendOf(samples(0, 1).slice(0, 11)), 600), ["too few samples to tell whether memory grows"]);
});

test("the ledger tells what is pending, and what became of the rest", async () => {
  const ledger = new Ledger();
  let finish = (): void => undefined;
  const pending = ledger.track("slow", () => new Promise<void>((resolve) => (finish = resolve)));
  await ledger.track("good", async () => 1);
  await ledger.track("good", () => Promise.reject(Object.assign(new Error("no"), { reason: "REFUSED" })));
  assert.equal(ledger.pending, 1);
  assert.match(ledger.waiting().join(), /^slow for \d+ ms$/);
  finish();
  await pending;
  assert.equal(ledger.pending, 0);
  assert.deepEqual(ledger.tallies()["good"], { done: 1, failed: { REFUSED: 1 } });
});

test("handles beyond those of before are told by kind", () => {
  assert.deepEqual(handlesBeyond({ Timeout: 1, PipeWrap: 2 }, { Timeout: 3, PipeWrap: 1, TCPSocketWrap: 1 }), [
    "Timeout × 2",
    "TCPSocketWrap × 1",
  ]);
});

test("the clock jumps ahead, and what has fallen due is run in order", async () => {
  const clock = createJumpClock();
  const startMs = clock.monotonicMs();
  const rung: string[] = [];
  clock.after(3_600_000, () => void rung.push("hour"));
  clock.after(60_000, () => void rung.push("minute"));
  const cancel = clock.after(30_000, () => void rung.push("cancelled"));
  clock.after(86_400_000, () => void rung.push("day"));
  const slept = clock.sleep(1_000_000);
  const given = AbortSignal.abort(new Error("given up"));
  await assert.rejects(clock.sleep(1, given), /given up/);
  cancel();
  clock.jump(2 * 3_600_000);
  await slept;
  assert.deepEqual(rung, ["minute", "hour"]);
  assert.ok(clock.monotonicMs() - startMs >= 2 * 3_600_000);
});
