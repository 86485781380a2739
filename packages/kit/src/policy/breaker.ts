import type { Call } from "../call.ts";
import type { Fault } from "../fault.ts";
import { fault, faultFrom } from "../fault.ts";
import type { Layer } from "../service.ts";
import { failureKind } from "./failure-kind.ts";
import { policyReasons } from "./reasons.ts";

/** What an operator may tell a breaker: to judge by itself, to let everything pass, or nothing. */
export type BreakerOverride = "auto" | "closed" | "open";

/** What a breaker says of itself. */
export interface BreakerState {
  readonly state: "closed" | "throttling" | "open" | "half_open";
  readonly override: BreakerOverride;
  /** Share of calls that it refuses now, 0 to 1. */
  readonly refusing: number;
  /** What made it so: figures, and the last failure by code and reason; "" while it is closed. */
  readonly why: string;
}

/** Tells a judge how a call ended that it had admitted: well, by the server's fault, or in a way that says nothing of the server. */
export type EndAdmitted = (outcome: "success" | "failure" | "neither") => void;

/** Decides by what it has seen. Pure but for its clock; `createBreaker` makes a Layer of it. */
export interface BreakerJudge {
  /** How to tell of the end of a call that may be sent now, to be called once; undefined when it may not be sent. */
  admit(): EndAdmitted | undefined;
  readonly state: Pick<BreakerState, "state" | "refusing"> & { readonly figures: string };
}

/** A breaker around a Service. */
export interface Breaker {
  layer<Q, R>(): Layer<Q, R>;
  readonly state: BreakerState;
  /** An operator's word; it holds until the next. */
  override(by: BreakerOverride): void;
}

/** How a breaker is made of its judge. */
export interface BreakerOptions {
  readonly judge: BreakerJudge;
  /** Told of every change of state, such as to log it. */
  readonly onChange?: (state: BreakerState) => void;
}

/** Refuses calls with BREAKER_OPEN while the judge does not admit them. Failures of the caller never count. */
export function createBreaker({ judge, onChange }: BreakerOptions): Breaker {
  let override: BreakerOverride = "auto";
  let last = "";
  let shown: BreakerState["state"] = "closed";

  function stateNow(): BreakerState {
    if (override !== "auto") return { state: override, override, refusing: override === "open" ? 1 : 0, why: "by an operator" };
    const { state, refusing, figures } = judge.state;
    return { state, override, refusing, why: state === "closed" ? "" : `${figures}${last}` };
  }

  function show(): void {
    if (judge.state.state === shown) return;
    shown = judge.state.state;
    onChange?.(stateNow());
  }

  function failed(end: EndAdmitted, thrown: unknown, call: Call): void {
    const found = faultFrom(thrown);
    const kind = failureKind(found, call);
    if (kind === "server") last = `; last failure ${found.code} ${found.reason}`;
    // An answer that refuses the caller shows a server that works.
    end(kind === "server" ? "failure" : answered(found, kind) ? "success" : "neither");
    show();
  }

  return {
    get state() {
      return stateNow();
    },
    override(by) {
      override = by;
      onChange?.(stateNow());
    },
    layer: () => (next) => (request, call) => {
      if (override === "closed") return next(request, call);
      const end = override === "auto" ? judge.admit() : undefined;
      if (!end) {
        show();
        return Promise.reject(fault(policyReasons.BREAKER_OPEN, `Not sent: ${stateNow().why}.`));
      }
      return next(request, call).then(
        (answer) => {
          end("success");
          show();
          return answer;
        },
        (thrown: unknown) => {
          failed(end, thrown, call);
          throw thrown;
        },
      );
    },
  };
}

function answered(found: Fault, kind: "caller" | "overload" | "local"): boolean {
  return kind === "caller" && found.code !== "CANCELLED" && found.code !== "DEADLINE_EXCEEDED";
}
