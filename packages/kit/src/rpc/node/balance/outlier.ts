/** When an endpoint that answers badly is left out for a while. Source: gRPC A50, and Envoy's consecutive failures. */
export interface OutlierOptions {
  /** Failures in a row. Default 5; 0 for never. */
  readonly consecutiveFailures: number;
  /** How often rates are compared and endpoints let in again. Default 10,000. */
  readonly intervalMs: number;
  /** The first time; each further time is as much longer, and each good interval takes one back. Default 30,000. */
  readonly ejectionMs: number;
  /** Default 300,000. */
  readonly ejectionMsMax: number;
  /** Once as many are out, no further one is. The first always may be. Default 10. */
  readonly ejectedPercentMax: number;
  /** Worse than most. Undefined to switch off. */
  readonly successRate: SuccessRateOptions | undefined;
  /** Worse than a bound. Undefined to switch off, which is the default: it is what all of a bad release would fail. */
  readonly failurePercentage: FailurePercentageOptions | undefined;
}

/** Ejects those whose share of successes lies below mean − deviation × factor. */
export interface SuccessRateOptions {
  /** Default 1.9. */
  readonly deviationFactor: number;
  /** How many of a hundred such judgements are carried out. Default 100. */
  readonly enforcedPercent: number;
  /** Endpoints with enough requests that it takes to compare. Default 5. */
  readonly hostsMin: number;
  /** Requests in an interval that it takes to judge one. Default 100. */
  readonly requestsMin: number;
}

/** Ejects those with more failures than a bound. */
export interface FailurePercentageOptions {
  /** Default 85. */
  readonly thresholdPercent: number;
  /** Default 100. */
  readonly enforcedPercent: number;
  /** Default 5. */
  readonly hostsMin: number;
  /** Default 50. */
  readonly requestsMin: number;
}

/** Defaults of SuccessRateOptions. */
export const successRateDefaults: SuccessRateOptions = { deviationFactor: 1.9, enforcedPercent: 100, hostsMin: 5, requestsMin: 100 };

/** Defaults of FailurePercentageOptions, for those who switch it on. */
export const failurePercentageDefaults: FailurePercentageOptions = {
  thresholdPercent: 85,
  enforcedPercent: 100,
  hostsMin: 5,
  requestsMin: 50,
};

/** Defaults of OutlierOptions. */
export const outlierDefaults: OutlierOptions = {
  consecutiveFailures: 5,
  intervalMs: 10_000,
  ejectionMs: 30_000,
  ejectionMsMax: 300_000,
  ejectedPercentMax: 10,
  successRate: successRateDefaults,
  failurePercentage: undefined,
};

/** What is counted of one endpoint. */
export interface OutlierRecord {
  /** Of the interval. */
  successes: number;
  failures: number;
  failuresInRow: number;
  /** Since when it is out; undefined while it is in. */
  ejectedAtMs: number | undefined;
  /** How often it was put out, less the good intervals since. */
  ejections: number;
}

/** Why an endpoint was put out. */
export type EjectionCause = "consecutive" | "success_rate" | "failure_percentage";

/** Judges over endpoints. */
export interface OutlierDetector {
  /** After a failure of `record`: puts it out if that was one too many in a row. */
  failed(record: OutlierRecord, all: readonly OutlierRecord[], nowMs: number): boolean;
  /** The end of an interval: compares, puts out, lets in, and begins to count anew. Answers whether anything changed. */
  sweep(all: readonly OutlierRecord[], nowMs: number): boolean;
}

/** What a detector is made of. */
export interface OutlierDetectorParts {
  readonly options: OutlierOptions;
  readonly random: () => number;
  readonly onEjected?: (cause: EjectionCause) => void;
}

/** An endpoint of which nothing is known. */
export function createOutlierRecord(): OutlierRecord {
  return { successes: 0, failures: 0, failuresInRow: 0, ejectedAtMs: undefined, ejections: 0 };
}

/** A judge; what it knows lies in the records. */
export function createOutlierDetector({ options, random, onEjected }: OutlierDetectorParts): OutlierDetector {
  const { successRate, failurePercentage } = options;

  function mayEject(all: readonly OutlierRecord[]): boolean {
    let ejected = 0;
    for (const { ejectedAtMs } of all) if (ejectedAtMs !== undefined) ejected += 1;
    return (ejected * 100) / all.length < options.ejectedPercentMax;
  }
  function eject(record: OutlierRecord, nowMs: number, cause: EjectionCause): boolean {
    record.ejectedAtMs = nowMs;
    record.ejections += 1;
    record.failuresInRow = 0;
    onEjected?.(cause);
    return true;
  }
  function enforced(percent: number): boolean {
    return random() * 100 < percent;
  }
  function bySuccessRate(all: readonly OutlierRecord[], nowMs: number, rules: SuccessRateOptions): boolean {
    const judged = withRequests(all, rules.requestsMin);
    if (judged.length < rules.hostsMin) return false;
    const rates = judged.map(successRateOf);
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
    const bound = mean - Math.sqrt(variance) * rules.deviationFactor;
    let changed = false;
    for (const record of judged) {
      if (!mayEject(all)) break;
      if (successRateOf(record) < bound && enforced(rules.enforcedPercent)) changed = eject(record, nowMs, "success_rate");
    }
    return changed;
  }
  function byFailurePercentage(all: readonly OutlierRecord[], nowMs: number, rules: FailurePercentageOptions): boolean {
    const judged = withRequests(all, rules.requestsMin);
    if (judged.length < rules.hostsMin) return false;
    let changed = false;
    for (const record of judged) {
      if (!mayEject(all)) break;
      const percent = 100 * (1 - successRateOf(record));
      if (percent > rules.thresholdPercent && enforced(rules.enforcedPercent)) changed = eject(record, nowMs, "failure_percentage");
    }
    return changed;
  }

  return {
    failed(record, all, nowMs) {
      const { consecutiveFailures } = options;
      if (consecutiveFailures === 0 || record.failuresInRow < consecutiveFailures || record.ejectedAtMs !== undefined) return false;
      return mayEject(all) && eject(record, nowMs, "consecutive");
    },
    sweep(all, nowMs) {
      let changed = successRate !== undefined && bySuccessRate(all, nowMs, successRate);
      if (failurePercentage !== undefined && byFailurePercentage(all, nowMs, failurePercentage)) changed = true;
      for (const record of all) {
        record.successes = 0;
        record.failures = 0;
        if (letIn(record, nowMs, options)) changed = true;
      }
      return changed;
    },
  };
}

/** Notes how a request went. */
export function countOutcome(record: OutlierRecord, success: boolean): void {
  if (success) {
    record.successes += 1;
    record.failuresInRow = 0;
  } else {
    record.failures += 1;
    record.failuresInRow += 1;
  }
}

/** Those that are in and had enough requests to be judged by. */
function withRequests(all: readonly OutlierRecord[], requestsMin: number): OutlierRecord[] {
  return all.filter((record) => record.ejectedAtMs === undefined && record.successes + record.failures >= Math.max(1, requestsMin));
}

function successRateOf({ successes, failures }: OutlierRecord): number {
  return successes / (successes + failures);
}

/** One that is in forgets an ejection for each interval; one that is out comes in when its time is over. */
function letIn(record: OutlierRecord, nowMs: number, { ejectionMs, ejectionMsMax }: OutlierOptions): boolean {
  if (record.ejectedAtMs === undefined) {
    record.ejections = Math.max(0, record.ejections - 1);
    return false;
  }
  const outMs = Math.min(ejectionMs * record.ejections, Math.max(ejectionMs, ejectionMsMax));
  if (nowMs <= record.ejectedAtMs + outMs) return false;
  record.ejectedAtMs = undefined;
  record.failuresInRow = 0;
  return true;
}
