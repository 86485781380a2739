import type { Call } from "../../call.ts";
import type { Clock } from "../../clock.ts";
import type { Code } from "../../fault.ts";
import { fault, faultFrom } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import { RollingWindow } from "../../policy/rolling-window.ts";
import type { CallCounts } from "./error-trial.ts";

/**
 * loading, warming_up, testing: not yet asked. trial: takes new calls and is compared with the one before. serving: takes new calls.
 * standby: the one before, while the new one is on trial. draining: finishes what it has. Then, for ever: gone (replaced), refused (never
 * asked) or rolled_back.
 */
export type GenerationPhase =
  | "loading"
  | "warming_up"
  | "testing"
  | "trial"
  | "serving"
  | "standby"
  | "draining"
  | "gone"
  | "refused"
  | "rolled_back";

/** What is known of one generation. */
export interface GenerationState {
  /** Counts from 1. */
  readonly generation: number;
  /** What it was called when it was swapped in: a file, a revision. */
  readonly label: string;
  readonly phase: GenerationPhase;
  /** Since when it is in this phase, in ISO 8601. */
  readonly since: string;
  /** Calls that have ended, and those among them that failed by a fault of the service. */
  readonly calls: number;
  readonly failures: number;
  readonly inFlight: number;
  /** Why it was refused or rolled back. */
  readonly reason?: string;
}

/** One call's hold on a generation. */
export interface Use<T> {
  readonly value: T;
  readonly generation: number;
  /** Lets go; with what the call failed by, if it did. Only the first end counts. */
  end(error?: unknown): void;
}

/** Failures that may be a generation's fault; a deadline is among them, because a slow generation misses more of them than the one before. */
const serverCodes: ReadonlySet<Code> = new Set(["UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]);

/** What a generation is made with. */
export interface GenerationOptions {
  readonly label: string;
  readonly clock: Clock;
  readonly windowMs: number;
  /** Told after each call that ended. */
  readonly onEnd: (failed: boolean) => void;
}

/** A value with those who use it. A class because it holds calls. */
export class Generation<T> {
  readonly number: number;
  readonly #options: GenerationOptions;
  readonly #window: RollingWindow;
  readonly #uses = new Set<HeldUse<T>>();
  #phase: GenerationPhase = "loading";
  #sinceMs: number;
  #reason: string | undefined;
  #calls = 0;
  #failures = 0;
  #value: T | undefined;

  constructor(number: number, options: GenerationOptions) {
    this.number = number;
    this.#options = options;
    this.#sinceMs = options.clock.nowMs();
    this.#window = new RollingWindow(options.clock, { windowMs: options.windowMs, buckets: 10 });
  }

  get phase(): GenerationPhase {
    return this.#phase;
  }

  get inFlight(): number {
    return this.#uses.size;
  }

  /** Calls that ended within the window. */
  get recent(): CallCounts {
    return { calls: this.#window.first, failures: this.#window.second };
  }

  enter(phase: GenerationPhase, reason?: string): void {
    this.#phase = phase;
    this.#sinceMs = this.#options.clock.nowMs();
    this.#reason = reason ?? this.#reason;
  }

  hold(value: T): void {
    this.#value = value;
  }

  use(call: Call): Use<T> {
    const use = new HeldUse<T>(this, call, this.#value as T);
    this.#uses.add(use);
    return use;
  }

  ended(use: HeldUse<T>, error: unknown): void {
    if (!this.#uses.delete(use)) return;
    const failed = error !== undefined && serverCodes.has(faultFrom(error, () => "").code);
    this.#calls++;
    if (failed) this.#failures++;
    this.#window.add(1, failed ? 1 : 0);
    this.#options.onEnd(failed);
  }

  /** Lets go of calls that have ended for their callers while the code under them goes on. */
  sweep(): void {
    for (const use of this.#uses) if (use.call.ended !== undefined) use.end(use.call.ended);
  }

  /** Ends all calls that are left. */
  cut(): void {
    const message = `Generation ${this.number} was replaced and its time to finish is over.`;
    for (const use of this.#uses) {
      use.call.cancel(fault(kitReasons.GENERATION_RETIRED, message));
      use.end();
    }
  }

  state(): GenerationState {
    return {
      generation: this.number,
      label: this.#options.label,
      phase: this.#phase,
      since: new Date(this.#sinceMs).toISOString(),
      calls: this.#calls,
      failures: this.#failures,
      inFlight: this.#uses.size,
      ...(this.#reason !== undefined && { reason: this.#reason }),
    };
  }
}

class HeldUse<T> implements Use<T> {
  readonly value: T;
  readonly call: Call;
  readonly #of: Generation<T>;

  constructor(of: Generation<T>, call: Call, value: T) {
    this.#of = of;
    this.call = call;
    this.value = value;
  }

  get generation(): number {
    return this.#of.number;
  }

  end(error?: unknown): void {
    this.#of.ended(this, error);
  }
}
