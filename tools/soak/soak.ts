import { systemClock } from "@weir/kit/clock";
import { randomFrom } from "@weir/wire/testing/fuzz-targets";
import type { Caller, Callers } from "./callers.ts";
import { createCallers } from "./callers.ts";
import type { House } from "./house.ts";
import { createJumpClock } from "./jump-clock.ts";
import type { JumpClock } from "./jump-clock.ts";
import { startHouse } from "./house.ts";
import type { Tally } from "./ledger.ts";
import { Ledger } from "./ledger.ts";
import { createHeldBytes, handleCounts, handlesBeyond } from "./memory.ts";
import type { Peer } from "./peer.ts";
import { startPeer } from "./peer.ts";
import type { Sample, Trend } from "./trend.ts";
import { trendOf } from "./trend.ts";

/** A fault that is planted so that the soak must find it. */
export type Planted = "leak" | "promise" | "handle";

/** How long to soak, and with what. */
export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly plants?: readonly Planted[];
  readonly say: (line: string) => void;
}

/** What a soak came to. */
export interface SoakReport {
  readonly ok: boolean;
  /** What is wrong; empty when nothing is. */
  readonly findings: readonly string[];
  readonly seed: number;
  readonly seconds: number;
  readonly calls: number;
  readonly restarts: number;
  /** Of what is held after collections, the warm-up left out. */
  readonly trend: Trend | undefined;
  readonly samples: readonly Sample[];
  readonly tallies: Readonly<Record<string, Tally>>;
}

const workers = 12;
/** The code is compiled and pools are filled in the first part of a run. */
const warmUpShare = 0.4;
const manyCalls = 30;
const shortRunGrowth = 100_000;
/** So much of a run passes between two rests. */
const workShare = 1 / 80;
const workSecondsMax = 5;
const restartMs = 1500;
const sayMs = 5000;
/** Eighty of them are eight hours. */
const jumpMs = 6 * 60_000;
const settleMsMax = 15_000;

/** Everything of one run. */
interface Run {
  readonly options: SoakOptions;
  readonly clock: JumpClock;
  readonly ledger: Ledger;
  readonly house: House;
  readonly peer: Peer;
  readonly callers: Callers[];
  readonly heldBytes: () => number;
  readonly samples: Sample[];
  readonly findings: string[];
  /** What a planted leak holds. */
  readonly leaked: unknown[];
  restarts: number;
  restartedMs: number;
}

/**
 * Calls a server in this process and one in another in every protocol, while both are restarted, calls expire and are cancelled,
 * and rude clients reset streams and cut connections. Eighty times everybody rests: then nothing may be pending on either side,
 * the clock jumps ahead by six minutes, garbage is collected, and what is held is measured. In the end everything is closed, and no handle may be left.
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const before = handleCounts();
  const clock = createJumpClock();
  const [house, peer] = await Promise.all([startHouse(clock), startPeer()]);
  const callers = [
    createCallers({ name: "house", port: house.port, rude: true, clock }),
    createCallers({ name: "peer", port: peer.port, rude: false, clock }),
  ];
  const run: Run = {
    options,
    clock,
    ledger: new Ledger(),
    house,
    peer,
    callers,
    heldBytes: createHeldBytes(),
    samples: [],
    findings: [],
    leaked: [],
    restarts: 0,
    restartedMs: 0,
  };
  const startedMs = performance.now();
  const passed = (): number => (performance.now() - startedMs) / 1000;
  let toldMs = startedMs;
  while (passed() < options.seconds && run.findings.length === 0) {
    await work(run, Math.min(workSecondsMax, options.seconds * workShare));
    await settle(run);
    run.samples.push({ seconds: passed(), bytes: run.heldBytes() });
    if (performance.now() - toldMs < sayMs) continue;
    toldMs = performance.now();
    options.say(progressLine(run, passed()));
  }
  const seconds = passed();
  await close(run, before);
  const trend = trendOf(run.samples.filter((one) => one.seconds > options.seconds * warmUpShare));
  run.findings.push(...growth(trend, options.seconds));
  const tallies = run.ledger.tallies();
  run.findings.push(...neverDone(tallies));
  const calls = Object.values(tallies).reduce(
    (sum, { done, failed }) => sum + done + Object.values(failed).reduce((all, one) => all + one, 0),
    0,
  );
  const { findings, samples, restarts } = run;
  return { ok: findings.length === 0, findings, seed: options.seed, seconds, calls, restarts, trend, samples, tallies };
}

function isPlanted({ options }: Run, what: Planted): boolean {
  return options.plants?.includes(what) ?? false;
}

/** Kinds of calls of which there were many, and not one came to its end: a soak of failures shows nothing. */
export function neverDone(tallies: Readonly<Record<string, Tally>>): string[] {
  return Object.entries(tallies).flatMap(([kind, { done, failed }]) => {
    const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
    return done === 0 && failures >= manyCalls ? [`${kind}: not one of ${failures} calls came to its end`] : [];
  });
}

/** What a trend says. A run of less than five minutes ends before all code is compiled: so much growth is no leak there. */
export function growth(trend: Trend | undefined, seconds: number): string[] {
  if (trend === undefined) return ["too few samples to tell whether memory grows"];
  const allowed = seconds < 300 ? shortRunGrowth : 0;
  return trend.low > allowed ? [`memory grows: ${bytesText(trend.low)} to ${bytesText(trend.high)} a second`] : [];
}

/** Lets all workers and the one who restarts work for so long. Resolves when each has ended what it was doing. */
async function work(run: Run, seconds: number): Promise<void> {
  const untilMs = performance.now() + seconds * 1000;
  const isOver = (): boolean => performance.now() >= untilMs;
  const list = run.callers.flatMap((one) => one.list);
  const all = Array.from({ length: workers }, (_, index) => worker(run, { list, isOver, index }));
  await withinTime(Promise.all([...all, restarter(run, isOver)]), settleMsMax + seconds * 1000);
}

interface Shift {
  readonly list: readonly Caller[];
  readonly isOver: () => boolean;
  readonly index: number;
}

async function worker(run: Run, { list, isOver, index }: Shift): Promise<void> {
  const random = randomFrom(run.options.seed + index * 7919 + run.samples.length * 104_729);
  while (!isOver()) {
    const caller = list[random(list.length)] as Caller;
    await run.ledger.track(caller.kind, () => caller.run(random));
    if (isPlanted(run, "leak")) run.leaked.push(Array.from({ length: 1000 }, () => random(100)));
  }
}

async function restarter(run: Run, isOver: () => boolean): Promise<void> {
  const { house, peer, options } = run;
  const random = randomFrom(options.seed ^ run.samples.length);
  while (!isOver()) {
    if (performance.now() - run.restartedMs > restartMs) {
      const kind = random(3);
      const restarted = kind === 0 ? house.restart() : peer.restart(kind === 1 ? "SIGTERM" : "SIGKILL");
      await restarted.catch((error: unknown) => void run.findings.push(`a restart failed: ${(error as Error).message}`));
      run.restarts += 1;
      run.restartedMs = performance.now();
    }
    await systemClock.sleep(20);
  }
}

/** Waits until nothing is pending, here and in the handlers; what does not come to its end is a finding. */
async function settle(run: Run): Promise<void> {
  const { house, ledger } = run;
  const untilMs = performance.now() + settleMsMax;
  const isQuiet = (): boolean => ledger.pending === 0 && house.load.handlers === 0 && house.load.sessions === 0;
  while (!isQuiet() && performance.now() < untilMs) await systemClock.sleep(5);
  if (ledger.pending > 0) run.findings.push(`promises are pending: ${ledger.waiting().join(", ")}`);
  if (house.load.handlers > 0) run.findings.push(`${house.load.handlers} handlers have not come to their end`);
  if (house.load.sessions > 0) run.findings.push(`${house.load.sessions} WebSocket sessions are open`);
  // Hours in minutes: whatever waits for its time to run out has it run out now, and lets go of what it held.
  run.clock.jump(jumpMs);
  while (house.connections() > 0 && performance.now() < untilMs) await systemClock.sleep(5);
  if (house.connections() > 0) run.findings.push(`${house.connections()} connections are open that nobody has used for six minutes`);
}

async function close(run: Run, before: Readonly<Record<string, number>>): Promise<void> {
  const { ledger } = run;
  let planted: ReturnType<typeof setInterval> | undefined;
  if (isPlanted(run, "handle")) planted = setInterval(() => undefined, 60_000);
  if (isPlanted(run, "promise")) void ledger.track("planted", () => new Promise(() => undefined));
  await withinTime(Promise.all([...run.callers.map((one) => one.close()), run.house.stop(), run.peer.stop()]), settleMsMax);
  if (ledger.pending > 0) run.findings.push(`promises are pending: ${ledger.waiting().join(", ")}`);
  const untilMs = performance.now() + settleMsMax / 3;
  // The wait itself is a timer: it is over whenever one looks.
  while (handlesBeyond(before, handleCounts()).length > 0 && performance.now() < untilMs) await systemClock.sleep(20);
  const left = handlesBeyond(before, handleCounts());
  if (left.length > 0) run.findings.push(`handles are left: ${left.join(", ")}`);
  clearInterval(planted);
}

/** Waits, but not for ever: what is pending then is told by the ledger. */
async function withinTime(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
  let stop = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    stop = () => clearTimeout(timer);
  });
  await Promise.race([promise, late]).finally(stop);
}

function progressLine({ ledger, samples, restarts, options }: Run, seconds: number): string {
  const left = Math.max(0, Math.round(options.seconds - seconds));
  const calls = Object.values(ledger.tallies()).reduce((sum, { done }) => sum + done, 0);
  return `${Math.round(seconds)} s · ${left} s left · ${calls} calls done · ${restarts} restarts · ${bytesText(samples.at(-1)?.bytes ?? 0)} held`;
}

/** A number of bytes for people. */
export function bytesText(bytes: number): string {
  const size = Math.abs(bytes);
  if (size < 10_000) return `${Math.round(bytes)} B`;
  return size < 10_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(2)} MB`;
}
