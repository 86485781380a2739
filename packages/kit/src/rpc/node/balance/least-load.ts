import type { Endpoint } from "./endpoint.ts";
import type { Picker } from "./picker.ts";

/** Latencies that differ by less than this factor count as the same: noise must not decide. */
const latencyFactorMin = 2;
/** Shorter ones are the noise of an event loop: what is in flight tells them apart well enough. */
const latencyMsMin = 5;

/**
 * The power of two choices: two endpoints by chance (by weight where weights differ), of which the one with less load is taken. Load is what
 * is in flight for each unit of weight; where one answers more than twice as slowly as the other, times how much slower it is.
 *
 * In flight first, because it is known at once and to the point: whoever is slow or hangs collects requests. Latency only from a factor of two
 * on, because at low load it alone would decide, and by differences that mean nothing.
 */
export function createLeastLoad(random: () => number): Picker {
  let list: readonly Endpoint[] = [];
  /** Of the weights up to each place; undefined when all weigh the same. */
  let sums: Float64Array | undefined;

  function two(nowMs: number): Endpoint | undefined {
    const count = list.length;
    if (count < 2) return list[0];
    const first = sums === undefined ? Math.floor(random() * count) : placeIn(sums, random());
    let second = sums === undefined ? Math.floor(random() * (count - 1)) : placeIn(sums, random());
    if (sums === undefined) second += second < first ? 0 : 1;
    else if (second === first) second = (first + 1) % count;
    return lighter(list[first] as Endpoint, list[second] as Endpoint, nowMs);
  }

  return {
    use(all, available) {
      list = available.length > 0 ? available : all;
      sums = sumsOf(list);
    },
    pick({ nowMs, tried }) {
      const others = tried.length === 0 ? [] : list.filter((endpoint) => !tried.includes(endpoint));
      if (others.length === 0) return two(nowMs);
      const left = others[Math.floor(random() * others.length)] as Endpoint;
      const right = others[Math.floor(random() * others.length)] as Endpoint;
      return lighter(left, right, nowMs);
    },
  };
}

function sumsOf(list: readonly Endpoint[]): Float64Array | undefined {
  const weight = list[0]?.weight;
  if (list.every((endpoint) => endpoint.weight === weight)) return undefined;
  let sum = 0;
  return Float64Array.from(list, (endpoint) => (sum += endpoint.weight));
}

/** A place by weight, of a number from 0 up to 1. */
function placeIn(sums: Float64Array, chance: number): number {
  const at = chance * (sums.at(-1) as number);
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sums[middle] as number) > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The one with less load; the first when both have the same. */
function lighter(left: Endpoint, right: Endpoint, nowMs: number): Endpoint {
  let leftLoad = left.inFlight / left.weight + 1;
  let rightLoad = right.inFlight / right.weight + 1;
  const ratio = Math.max(latencyMsMin, left.latencyMs) / Math.max(latencyMsMin, right.latencyMs);
  if (ratio > latencyFactorMin || ratio * latencyFactorMin < 1) {
    if (left.isMeasured(nowMs) && right.isMeasured(nowMs)) {
      if (ratio > 1) leftLoad *= ratio;
      else rightLoad /= ratio;
    }
  }
  return rightLoad < leftLoad ? right : left;
}
