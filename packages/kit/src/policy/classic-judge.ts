import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { BreakerJudge, EndAdmitted } from "./breaker.ts";
import { expectRanges } from "./option-range.ts";
import { RollingWindow } from "./rolling-window.ts";

/** How a classic breaker judges. */
export interface ClassicJudgeOptions {
  /** Share of failures above which it opens. Default 0.5. */
  readonly failureRatioMax?: number;
  /** Calls in the window below which it stays closed. Default 20. */
  readonly callsMin?: number;
  /** Over how long it counts. Default 10,000. */
  readonly windowMs?: number;
  /** How long it is open before it lets calls try. Default 1,000. */
  readonly openMs?: number;
  /** Calls that try at a time, and that must succeed, one after the other, to close it. Default 3. */
  readonly trialsMin?: number;
}

/** Closed, open, half open: for those who want a switch that is on or off. Throws POLICY_OPTION_INVALID. */
export function createClassicJudge(options: ClassicJudgeOptions = {}, clock: Clock = systemClock): BreakerJudge<ClassicJudgeOptions> {
  let { failureRatioMax, callsMin, windowMs, openMs, trialsMin } = checked(options);
  /** First all calls, second those that failed. */
  let window = new RollingWindow(clock, { windowMs, buckets: 40 });
  let state: "closed" | "open" | "half_open" = "closed";
  let openedMs = 0;
  let trying = 0;
  let succeeded = 0;

  function open(): void {
    state = "open";
    openedMs = clock.monotonicMs();
    trying = succeeded = 0;
  }

  function close(): void {
    state = "closed";
    window.clear();
  }

  const end: EndAdmitted = (outcome) => {
    // What was sent before it opened ends while it is open, or tries: that says nothing new.
    if (state !== "closed" || outcome === "neither") return;
    window.add(1, outcome === "failure" ? 1 : 0);
    if (window.first >= callsMin && window.second / window.first > failureRatioMax) open();
  };

  function endTrial(outcome: Parameters<EndAdmitted>[0], opened: number): void {
    // It opened again meanwhile: the trial belongs to a time that is over.
    if (state !== "half_open" || opened !== openedMs) return;
    trying -= 1;
    if (outcome === "failure") open();
    else if (outcome === "success" && ++succeeded >= trialsMin) close();
  }

  return {
    get state() {
      const figures = `${window.second} of ${window.first} calls failed in the last ${windowMs / 1000} s`;
      return { state, refusing: state === "closed" ? 0 : 1, figures };
    },
    get phase() {
      return state;
    },
    admit() {
      if (state === "open" && clock.monotonicMs() - openedMs >= openMs) state = "half_open";
      if (state === "closed") return end;
      if (state === "open" || trying >= trialsMin) return undefined;
      trying += 1;
      const opened = openedMs;
      return (outcome) => endTrial(outcome, opened);
    },
    apply(changed) {
      const before = windowMs;
      ({ failureRatioMax, callsMin, windowMs, openMs, trialsMin } = checked(changed));
      if (windowMs !== before) window = new RollingWindow(clock, { windowMs, buckets: 40 });
    },
  };
}

function checked(options: ClassicJudgeOptions): Required<ClassicJudgeOptions> {
  const { failureRatioMax = 0.5, callsMin = 20, windowMs = 10_000, openMs = 1000, trialsMin = 3 } = options;
  expectRanges({ failureRatioMax: [failureRatioMax, 0, 1], callsMin: [callsMin, 1, 1e6], windowMs: [windowMs, 100, 3_600_000] });
  expectRanges({ openMs: [openMs, 1, 3_600_000], trialsMin: [trialsMin, 1, 1000] });
  return { failureRatioMax, callsMin, windowMs, openMs, trialsMin };
}
