import { bucketCount } from "@weir/api/bucket";
import type { TrafficColumn, TrafficCell } from "@weir/api/traffic";

/** What a move of weight would do to users and requests. */
export interface Exposure {
  /** Of 10000 users, how many come to the new version that are not on it now; 0 when it shrinks. */
  readonly usersGained: number;
  /** Of 10000 users, how many go back to stable; 0 when it grows. */
  readonly usersLost: number;
  /** Requests a second that move with them, estimated; undefined when the traffic is not known. */
  readonly rateMoved: number | undefined;
  /** Requests a second that each instance of the new version would then carry, estimated. */
  readonly ratePerInstance: number | undefined;
}

/** What an exposure is reckoned from. Weights are of 10000. */
export interface ExposureOptions {
  readonly from: number;
  readonly to: number;
  /** Requests a second of the whole service; undefined when the traffic is not known. */
  readonly rate: number | undefined;
  /** Instances of the new version that take requests. */
  readonly instances: number;
}

/** Reckons an exposure. Buckets are nested, so exactly the difference of the weights changes its version. */
export function exposureOf(options: ExposureOptions): Exposure {
  const { from, to, rate, instances } = options;
  return {
    usersGained: Math.max(0, to - from),
    usersLost: Math.max(0, from - to),
    rateMoved: rate === undefined ? undefined : (rate * Math.abs(to - from)) / bucketCount,
    ratePerInstance: rate === undefined || instances === 0 ? undefined : (rate * to) / bucketCount / instances,
  };
}

/**
 * Requests a second of the service: the mean of the whole columns of the last 30 seconds, at least one, at most six.
 * The newest column still grows and does not count. Undefined without a whole column.
 */
export function rateOf(columns: readonly TrafficColumn[], columnSeconds: number): number | undefined {
  const whole = columns.slice(0, -1).slice(-Math.max(1, Math.min(6, Math.floor(30 / columnSeconds))));
  if (whole.length === 0) return undefined;
  const requests = whole.reduce((sum, column) => sum + requestsOf(column.cells), 0);
  return requests / (whole.length * columnSeconds);
}

function requestsOf(cells: readonly TrafficCell[]): number {
  return cells.reduce((sum, cell) => sum + cell.requests, 0);
}
