import type { Call } from "../call.ts";
import { systemClock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { faultFrom } from "../fault.ts";
import type { AdaptiveJudgeOptions } from "./adaptive-judge.ts";
import { createAdaptiveJudge } from "./adaptive-judge.ts";
import type { BreakerMetrics } from "./breaker-metrics.ts";
import { createBreakerMetrics } from "./breaker-metrics.ts";
import type { ClassicJudgeOptions } from "./classic-judge.ts";
import { createClassicJudge } from "./classic-judge.ts";
import { failureKind } from "./failure-kind.ts";
import { expectRanges } from "./option-range.ts";
import type { Policy, PolicyParts } from "./policy.ts";
import { policyReasons } from "./reasons.ts";
import { refusal } from "./refusal.ts";

/** What an operator may tell a breaker: to judge by itself, to let everything pass, or nothing. */
export type BreakerOverride = "auto" | "closed" | "open";

/** What a breaker says of itself. */
export interface BreakerState {
  readonly state: "closed" | "throttling" | "open" | "half_open";
  readonly override: BreakerOverride;
  /** How long the override still holds; undefined for until the next, and for "auto". */
  readonly overrideLeftMs: number | undefined;
  /** Share of calls that it refuses now, 0 to 1. */
  readonly refusing: number;
  /** What made it so: figures, and the last failure by code and reason; the operator's reason; "" while it is closed. */
  readonly why: string;
  /** Calls that were refused so far. */
  readonly refused: number;
}

/** Tells a judge how a call ended that it had admitted: well, by the server's fault, or in a way that says nothing of the server. */
export type EndAdmitted = (outcome: "success" | "failure" | "neither") => void;

/** Decides by what it has seen. Pure but for its clock; `createBreaker` makes a policy of it. */
export interface BreakerJudge<Options> {
  /** How to tell of the end of a call that may be sent now, to be called once; undefined when it may not be sent. */
  admit(): EndAdmitted | undefined;
  readonly state: Pick<BreakerState, "state" | "refusing"> & { readonly figures: string };
  /** `state.state` alone: asked after every call, so it has to be cheap. */
  readonly phase: BreakerState["state"];
  /** Goes on by other options; what was counted stays unless the window changes. Throws POLICY_OPTION_INVALID. */
  apply(options: Options): void;
}

/** Which judge, and how it judges: the adaptive throttle by default. */
export type BreakerOptions = (AdaptiveJudgeOptions & { readonly kind?: "adaptive" }) | (ClassicJudgeOptions & { readonly kind: "classic" });

/** What a breaker is given beside. */
export interface BreakerParts extends PolicyParts {
  /** Told of every change of state, such as to log it. */
  readonly onChange?: (state: BreakerState) => void;
}

/** Why an operator overrides, and for how long. */
export interface OverrideOptions {
  /** For whoever looks next; shown as it is. */
  readonly reason?: string;
  /** After which the breaker judges by itself again. Default until the next word. */
  readonly forMs?: number;
}

/** A policy that an operator may override. */
export interface Breaker extends Policy<BreakerOptions, BreakerState> {
  /** An operator's word; it holds until the next, or for as long as it says. */
  override(by: BreakerOverride, options?: OverrideOptions): void;
}

interface Override {
  readonly by: BreakerOverride;
  readonly why: string;
  readonly untilMs: number;
}

const auto: Override = { by: "auto", why: "", untilMs: Infinity };

/**
 * Refuses calls with BREAKER_OPEN while the judge does not admit them. Failures of the caller, overload and refusals of this side never
 * count as the server's. Its metrics: weir_breaker_state, weir_breaker_refused_total, weir_breaker_changes_total. Throws
 * POLICY_OPTION_INVALID.
 */
export function createBreaker(options: BreakerOptions = {}, parts: BreakerParts = {}): Breaker {
  const breaker = new JudgedBreaker(options, parts);
  return {
    state: () => breaker.state,
    apply: (changed) => breaker.apply(changed),
    override: (by, given) => breaker.override(by, given),
    layer: (next) => (request, call) => {
      const { by } = breaker.word;
      if (by === "closed") return next(request, call);
      const end = by === "auto" ? breaker.admit() : undefined;
      if (!end) return Promise.reject(breaker.refuse());
      return next(request, call).then(
        (answer) => {
          end("success");
          breaker.show();
          return answer;
        },
        (thrown: unknown) => {
          breaker.failed(end, thrown, call);
          throw thrown;
        },
      );
    },
  };
}

/** A judge, an operator's word over it, and what both did. */
class JudgedBreaker {
  readonly #parts: BreakerParts;
  readonly #metrics: BreakerMetrics;
  #options: BreakerOptions;
  #judge: BreakerJudge<BreakerOptions>;
  #word = auto;
  #last = "";
  #lastCode = "";
  #shown: BreakerState["state"] = "closed";
  #refused = 0;

  constructor(options: BreakerOptions, parts: BreakerParts) {
    this.#parts = parts;
    this.#options = options;
    this.#judge = this.#judgeOf(options);
    this.#metrics = createBreakerMetrics(parts, () => this.state);
  }

  get word(): Override {
    if (this.#word.untilMs !== Infinity && this.#nowMs() >= this.#word.untilMs) {
      this.#word = auto;
      this.#changed();
    }
    return this.#word;
  }

  get state(): BreakerState {
    const { by, why, untilMs } = this.word;
    const overrideLeftMs = untilMs === Infinity ? undefined : untilMs - this.#nowMs();
    const common = { override: by, overrideLeftMs, refused: this.#refused };
    if (by !== "auto") return { state: by, refusing: by === "open" ? 1 : 0, why, ...common };
    const { state, refusing, figures } = this.#judge.state;
    return { state, refusing, why: state === "closed" ? "" : `${figures}${this.#last}`, ...common };
  }

  admit(): EndAdmitted | undefined {
    return this.#judge.admit();
  }

  refuse(): Fault {
    this.show();
    this.#refused += 1;
    this.#metrics.refused.add();
    return refusal(policyReasons.BREAKER_OPEN, `Not sent: ${this.state.why}.`);
  }

  failed(end: EndAdmitted, thrown: unknown, call: Call): void {
    const found = faultFrom(thrown);
    const kind = failureKind(found, call);
    if (kind === "server") {
      this.#last = `; last failure ${found.code} ${found.reason}`;
      this.#lastCode = found.code;
    }
    // An answer that refuses the caller shows a server that works.
    end(kind === "server" ? "failure" : answered(found, kind) ? "success" : "neither");
    this.show();
  }

  /** Tells of a change of the judge's mind, once. */
  show(): void {
    const { phase } = this.#judge;
    if (phase === this.#shown) return;
    this.#shown = phase;
    this.#changed();
  }

  override(by: BreakerOverride, { reason = "", forMs = Infinity }: OverrideOptions = {}): void {
    if (forMs !== Infinity) expectRanges({ forMs: [forMs, 1, 30 * 86_400_000] });
    const why = reason === "" ? "by an operator" : `by an operator: ${reason}`;
    this.#word = by === "auto" ? auto : { by, why, untilMs: this.#nowMs() + forMs };
    this.#changed();
  }

  apply(options: BreakerOptions): void {
    if ((options.kind ?? "adaptive") === (this.#options.kind ?? "adaptive")) this.#judge.apply(options);
    else this.#judge = this.#judgeOf(options);
    this.#options = options;
    this.show();
  }

  #changed(): void {
    const { state } = this;
    this.#metrics.changed(state.state, state.override === "auto" ? this.#lastCode : "operator");
    this.#parts.onChange?.(state);
  }

  #judgeOf(options: BreakerOptions): BreakerJudge<BreakerOptions> {
    const { clock = systemClock } = this.#parts;
    return options.kind === "classic" ? createClassicJudge(options, clock) : createAdaptiveJudge(options, clock);
  }

  #nowMs(): number {
    return (this.#parts.clock ?? systemClock).monotonicMs();
  }
}

function answered(found: Fault, kind: "caller" | "overload" | "local"): boolean {
  return kind === "caller" && found.code !== "CANCELLED" && found.code !== "DEADLINE_EXCEEDED";
}
