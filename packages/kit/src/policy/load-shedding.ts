import type { Call } from "../call.ts";
import { systemClock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import type { LoadSignal, LoadSignals } from "./load-signals.ts";
import { loadOf } from "./load-signals.ts";
import type { LoopWatch } from "./loop-watch.ts";
import { expectRanges } from "./option-range.ts";
import type { Policy, PolicyParts } from "./policy.ts";
import { policyReasons } from "./reasons.ts";
import { refusal } from "./refusal.ts";
import type { Importance, SheddingMetrics } from "./shedding-metrics.ts";
import { createSheddingMetrics, importances } from "./shedding-metrics.ts";
import type { Lane } from "./lane.ts";

/**
 * From where an instance sheds. Each signal makes a load: 0 where shedding begins, 1 where all normal work is refused; the largest counts.
 * Bulk work is refused by chance that rises from load 0 to 0.5, normal work from 0.5 to 1, urgent from 1 to 1.5, critical from 1.5 to 2.
 */
export interface LoadSheddingOptions {
  /**
   * How long calls waited for the event loop. Load 0 at the first, 1 at the second. Default 250 and 2,000: normal work is refused from
   * a good second on, as a process that has to wait for its core now and then comes to some hundred milliseconds with little to do.
   */
  readonly loopDelayMs?: number;
  readonly loopDelayMsMax?: number;
  /** How long work waits in queues of the app (`queueAgeMs` of the parts). Default 100 and 1,000. */
  readonly queueAgeMs?: number;
  readonly queueAgeMsMax?: number;
  /** Calls at a time whose answer has not begun: load 0 at 80 % of it, 1 at all of it. Default 1,000. */
  readonly inFlightMax?: number;
  /** Share of time that the loop works. Load 0 here, 0.5 at 1: utilisation by itself refuses bulk work alone. Default 0.95. */
  readonly utilisation?: number;
  /** How far all signals must fall below where shedding begins before it ends, as a share of it. Default 0.2. */
  readonly hysteresis?: number;
  /** What refused callers are told to wait, half to one and a half times of it by chance. Default 200. */
  readonly retryAfterMs?: number;
}

/** What load shedding is given beside. */
export interface LoadSheddingParts<Q> extends PolicyParts {
  /** The loop of this process; one watch for all policies. Default none, as in a browser: the loop is then no signal. */
  readonly loop?: LoopWatch;
  /** How long the eldest waiting work has waited, such as `waitedMs` of a bulkhead. Asked at most every 10 ms. Default 0. */
  readonly queueAgeMs?: () => number;
  /** The lane of a call. Default "normal". */
  readonly laneOf?: (request: Q, call: Call) => Lane;
  /** Calls that are refused last of all. Health checks are critical in any case. Default none. */
  readonly isCritical?: (request: Q, call: Call) => boolean;
}

/** What load shedding sees and does now. */
export interface LoadSheddingState {
  /** Whether anything is refused now. */
  readonly shedding: boolean;
  /** The largest load, 0 to 2, and the signal that makes it. */
  readonly load: number;
  readonly signal: LoadSignal;
  readonly signals: LoadSignals;
  /** Share of calls that is refused now, 0 to 1. */
  readonly refusing: Readonly<Record<Importance, number>>;
  /** Refused so far. */
  readonly shed: Readonly<Record<Importance, number>>;
}

const rampFrom: Readonly<Record<Importance, number>> = { bulk: 0, normal: 0.5, urgent: 1, critical: 1.5 };
const rampWidth = 0.5;
/** What is shed on the way down, until shedding ends: a tenth of bulk work. */
const loadMin = 0.05;
const queueSampleMs = 10;
const healthPrefix = "/grpc.health.v1.Health/";

/**
 * Refuses what an instance cannot do in time, before it begins: gradually, by chance, the least important first, and again nothing as soon
 * as the signals have fallen. Refuses with LOAD_SHED, which is UNAVAILABLE: gRPC clients try that elsewhere, as they do not after
 * RESOURCE_EXHAUSTED. Metrics: weir_shed_total by importance and signal, weir_shedding_load by signal. Throws POLICY_OPTION_INVALID.
 */
export function createLoadShedding<Q = unknown>(
  options: LoadSheddingOptions = {},
  parts: LoadSheddingParts<Q> = {},
): Policy<LoadSheddingOptions, LoadSheddingState, Q> {
  const { laneOf, isCritical } = parts;
  const judge = new LoadJudge(options, parts);
  const importanceOf = (request: Q, call: Call): Importance => {
    if (call.method.startsWith(healthPrefix) || isCritical?.(request, call)) return "critical";
    return laneOf?.(request, call) ?? "normal";
  };
  return {
    state: () => judge.state,
    apply: (changed) => judge.apply(changed),
    layer: (next) => async (request, call) => {
      // Nearly always there is nothing to shed, and how important a call is does not matter.
      if (judge.look() > 0) {
        const importance = importanceOf(request, call);
        if (judge.refuses(importance)) throw judge.refuse(importance);
      }
      judge.inFlight += 1;
      try {
        return await next(request, call);
      } finally {
        judge.inFlight -= 1;
      }
    },
  };
}

/** What is known of the load, and whether one is shedding. */
class LoadJudge {
  readonly #parts: Pick<LoadSheddingParts<never>, "clock" | "loop" | "queueAgeMs">;
  readonly #metrics: SheddingMetrics;
  readonly #shed: Record<Importance, number> = { critical: 0, urgent: 0, normal: 0, bulk: 0 };
  #options: Required<LoadSheddingOptions>;
  #shedding = false;
  #load = 0;
  #signal: LoadSignal = "loop_delay";
  #queueAgeMs = 0;
  #sampledMs = -Infinity;
  /** Calls whose answer has not begun. */
  inFlight = 0;

  constructor(options: LoadSheddingOptions, parts: LoadSheddingParts<never>) {
    this.#options = checked(options);
    this.#parts = parts;
    this.#metrics = createSheddingMetrics(parts, () => this.state);
  }

  apply(options: LoadSheddingOptions): void {
    this.#options = checked(options);
  }

  get state(): LoadSheddingState {
    this.look();
    const refusing = Object.fromEntries(importances.map((importance) => [importance, this.#refusing(importance)]));
    return {
      shedding: this.#shedding,
      load: this.#load,
      signal: this.#signal,
      signals: this.#signals(),
      refusing: refusing as Record<Importance, number>,
      shed: { ...this.#shed },
    };
  }

  /** The load now, 0 while nothing is shed. Signals are read as a call comes in: a blocked loop runs no sampler. */
  look(): number {
    const { load, signal } = loadOf(this.#signals(), this.#options);
    const { hysteresis } = this.#options;
    if (load > 0) this.#shedding = true;
    else if (load <= -hysteresis) this.#shedding = false;
    this.#signal = signal;
    this.#load = this.#shedding ? Math.min(2, Math.max(loadMin, load)) : 0;
    return this.#load;
  }

  refuses(importance: Importance): boolean {
    const share = this.#refusing(importance);
    return share > 0 && (this.#parts.clock ?? systemClock).random() < share;
  }

  refuse(importance: Importance): Fault {
    this.#shed[importance] += 1;
    this.#metrics.shed(importance, this.#signal);
    const { random } = this.#parts.clock ?? systemClock;
    const retryAfterMs = Math.ceil(this.#options.retryAfterMs * (0.5 + random()));
    const message = `Expected less work than can be done in time, found too much (${this.#signal}).`;
    return refusal(policyReasons.LOAD_SHED, message, { retryAfterMs });
  }

  #refusing(importance: Importance): number {
    return Math.min(1, Math.max(0, (this.#load - rampFrom[importance]) / rampWidth));
  }

  #signals(): LoadSignals {
    const { loop, queueAgeMs, clock = systemClock } = this.#parts;
    if (queueAgeMs) {
      const nowMs = clock.monotonicMs();
      if (nowMs - this.#sampledMs >= queueSampleMs) {
        this.#sampledMs = nowMs;
        this.#queueAgeMs = queueAgeMs();
      }
    }
    return {
      loopDelayMs: loop?.delayMs() ?? 0,
      utilisation: loop?.utilisation() ?? 0,
      inFlight: this.inFlight,
      queueAgeMs: this.#queueAgeMs,
    };
  }
}

function checked(options: LoadSheddingOptions): Required<LoadSheddingOptions> {
  const { loopDelayMs = 250, loopDelayMsMax = Math.max(2000, loopDelayMs * 2), queueAgeMs = 100, inFlightMax = 1000 } = options;
  const { queueAgeMsMax = Math.max(1000, queueAgeMs * 2), utilisation = 0.95, hysteresis = 0.2, retryAfterMs = 200 } = options;
  expectRanges({
    loopDelayMs: [loopDelayMs, 1, 60_000],
    loopDelayMsMax: [loopDelayMsMax, loopDelayMs + 1, 600_000],
    queueAgeMs: [queueAgeMs, 1, 600_000],
    queueAgeMsMax: [queueAgeMsMax, queueAgeMs + 1, 3_600_000],
    inFlightMax: [inFlightMax, 1, 1e7],
    utilisation: [utilisation, 0.1, 0.999],
    hysteresis: [hysteresis, 0, 0.9],
    retryAfterMs: [retryAfterMs, 0, 600_000],
  });
  return { loopDelayMs, loopDelayMsMax, queueAgeMs, queueAgeMsMax, inFlightMax, utilisation, hysteresis, retryAfterMs };
}
