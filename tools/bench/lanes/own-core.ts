import { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { faultFrom } from "@weir/kit/fault";
import { createBulkhead } from "@weir/kit/policy/bulkhead";
import type { Service } from "@weir/kit/service";
import { layered } from "@weir/kit/service";
import { bulkheadOptions, createComputation } from "./compute.ts";
import type { Turn } from "./turn.ts";
import { work } from "./turn.ts";

/**
 * A clock that goes by what this thread computes and jumps to what is due when it has nothing to do: time as on a core of its own, however
 * many others want this one.
 */
class ThreadClock implements Clock {
  readonly #timers = new Set<{ readonly dueMs: number; readonly action: () => void }>();
  readonly #random: () => number;
  #skippedMs = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  nowMs(): number {
    return this.monotonicMs();
  }

  monotonicMs(): number {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000 + this.#skippedMs;
  }

  random(): number {
    return this.#random();
  }

  after(durationMs: number, action: () => void): () => void {
    const timer = { dueMs: this.monotonicMs() + durationMs, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  sleep(durationMs: number): Promise<void> {
    return new Promise((resolve) => this.after(durationMs, resolve));
  }

  /** Runs the timers that are due. With nothing under way, time goes on to the next one at once. False when none is left. */
  turn(isIdle: boolean): boolean {
    const dueMs = Math.min(...[...this.#timers].map((timer) => timer.dueMs));
    const nowMs = this.monotonicMs();
    if (isIdle && dueMs !== Infinity) this.#skippedMs += Math.max(0, dueMs - nowMs);
    const untilMs = this.monotonicMs();
    for (const timer of this.#timers) {
      if (timer.dueMs > untilMs) continue;
      this.#timers.delete(timer);
      timer.action();
    }
    return this.#timers.size > 0;
  }
}

/** Counted once: what a slice computes is the same in all turns. */
const compute = createComputation();

/** One turn of the same load in this thread, without sockets, on its own clock. */
export async function takeOwnTurn(options: {
  readonly seconds: number;
  readonly withBulk: boolean;
  readonly withLanes: boolean;
  readonly random: () => number;
}): Promise<Turn> {
  const { seconds, withBulk, withLanes, random } = options;
  const clock = new ThreadClock(random);
  const bulkhead = createBulkhead<"urgent" | "bulk">(bulkheadOptions(withLanes), { clock, ...(withLanes && { laneOf: (lane) => lane }) });
  const serve: Service<"urgent" | "bulk", void> = layered<"urgent" | "bulk", void>(
    (lane, call) => compute(work[lane].computesMs, call),
    [bulkhead.layer],
  );
  const found = { wallMs: [] as number[], computedMs: [] as number[], urgentFailures: 0, bulkAnswered: 0, bulkRefused: 0 };
  let underWay = 0;
  async function ask(lane: "urgent" | "bulk", dueMs: number): Promise<void> {
    underWay += 1;
    try {
      await serve(lane, new Call({ clock }));
      if (lane === "bulk") found.bulkAnswered += 1;
      else found.wallMs.push(clock.monotonicMs() - dueMs);
    } catch (thrown) {
      if (lane === "urgent") found.urgentFailures += 1;
      else if (faultFrom(thrown).reason === "BULKHEAD_FULL") found.bulkRefused += 1;
      else throw thrown;
    } finally {
      underWay -= 1;
    }
  }
  const answers: Promise<void>[] = [];
  const endMs = clock.monotonicMs() + seconds * 1000;
  function arrive(lane: "urgent" | "bulk", lastMs: number): void {
    const dueMs = lastMs + (-Math.log(1 - random()) * 1000) / work[lane].perSecond;
    if (dueMs > endMs) return;
    clock.after(dueMs - clock.monotonicMs(), () => {
      answers.push(ask(lane, dueMs));
      arrive(lane, dueMs);
    });
  }
  arrive("urgent", clock.monotonicMs());
  if (withBulk) arrive("bulk", clock.monotonicMs());
  while (clock.turn(underWay === 0) || underWay > 0) await new Promise((resolve) => setImmediate(resolve));
  await Promise.all(answers);
  return { ...found, computedMs: found.wallMs };
}
