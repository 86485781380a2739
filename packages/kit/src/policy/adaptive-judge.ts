import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { BreakerJudge, BreakerState, EndAdmitted } from "./breaker.ts";
import { expectRanges } from "./option-range.ts";
import { RollingWindow } from "./rolling-window.ts";

/** How an adaptive throttle judges. */
export interface AdaptiveJudgeOptions {
  /** Calls that are let pass for each that succeeds; smaller is stricter. Default 1.5. */
  readonly factor?: number;
  /** Over how long it counts. Default 10,000. */
  readonly windowMs?: number;
  /** Calls in the window below which nothing is refused. Default 10. */
  readonly callsMin?: number;
  /** While calls are refused, one is let pass at least this often, so that recovery is seen at once. Default 1,000. */
  readonly probeMs?: number;
}

/**
 * Throttles by as much as the other side fails: refuses with the probability (calls − factor × successes) / (calls + 1). It needs no
 * states and has no cliff; a probe that succeeds while most is refused clears what was counted, so that a minute's outage is over as soon
 * as it is. Source: Beyer et al., Site Reliability Engineering, chapter 21. Throws POLICY_OPTION_INVALID.
 */
export function createAdaptiveJudge(options: AdaptiveJudgeOptions = {}, clock: Clock = systemClock): BreakerJudge<AdaptiveJudgeOptions> {
  let { factor, windowMs, callsMin, probeMs } = checked(options);
  /** First all calls, those refused included; second those that succeeded. */
  let window = new RollingWindow(clock, { windowMs, buckets: 40 });
  let probedMs = -Infinity;

  function refusing(): number {
    const calls = window.first;
    return calls < callsMin ? 0 : Math.max(0, (calls - factor * window.second) / (calls + 1));
  }

  const end: EndAdmitted = (outcome) => {
    if (outcome !== "neither") window.add(1, outcome === "success" ? 1 : 0);
  };
  const endProbe: EndAdmitted = (outcome) => {
    // A server that answers a probe while nearly everything is refused has come back: what was before says nothing any more.
    if (outcome === "success" && refusing() > 0.5) window.clear();
    end(outcome);
  };

  return {
    get state() {
      const share = refusing();
      const figures = `${window.second} of ${window.first} calls succeeded in the last ${windowMs / 1000} s`;
      const state: BreakerState["state"] = share > 0 ? "throttling" : "closed";
      return { state, refusing: share, figures };
    },
    get phase() {
      return refusing() > 0 ? "throttling" : "closed";
    },
    admit() {
      const share = refusing();
      if (share === 0 || clock.random() >= share) return end;
      const nowMs = clock.monotonicMs();
      if (nowMs - probedMs >= probeMs) {
        probedMs = nowMs;
        return endProbe;
      }
      window.add(1, 0);
      return undefined;
    },
    apply(changed) {
      const before = windowMs;
      ({ factor, windowMs, callsMin, probeMs } = checked(changed));
      if (windowMs !== before) window = new RollingWindow(clock, { windowMs, buckets: 40 });
    },
  };
}

function checked(options: AdaptiveJudgeOptions): Required<AdaptiveJudgeOptions> {
  const { factor = 1.5, windowMs = 10_000, callsMin = 10, probeMs = 1000 } = options;
  expectRanges({
    factor: [factor, 1, 100],
    windowMs: [windowMs, 100, 3_600_000],
    callsMin: [callsMin, 1, 1e6],
    probeMs: [probeMs, 10, 60_000],
  });
  return { factor, windowMs, callsMin, probeMs };
}
