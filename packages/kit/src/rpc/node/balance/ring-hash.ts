import type { Endpoint } from "./endpoint.ts";
import type { Picker } from "./picker.ts";
import { mixed, textHash } from "./text-hash.ts";

/** What a ring is made of. */
export interface RingHashParts {
  readonly loadFactorMax: number;
  readonly random: () => number;
}

/** Points of an endpoint of weight 1: with so many the shares of keys differ by about 7 % (one standard deviation). */
const pointsPerWeight = 200;
const pointsMax = 400_000;
/** Points are sorted as numbers that hold the place of the endpoint below the 32 bits of the hash: 2^52 is exact. */
const placesMax = 2 ** 20;

interface Ring {
  readonly hashes: Uint32Array;
  /** Place of the endpoint that owns the point. */
  readonly owners: Uint32Array;
}

/**
 * Consistent hashing on a ring: a key goes to the endpoint of the first point at or after its hash. One that is not available is stepped over and
 * the others keep their keys; the ring is only made anew when endpoints come or go, and then only their keys move.
 */
export function createRingHash({ loadFactorMax, random }: RingHashParts): Picker {
  let all: readonly Endpoint[] = [];
  let ring = ringOf(all);
  let panics = false;

  return {
    use(nextAll, available) {
      panics = available.length === 0;
      if (nextAll === all) return;
      all = nextAll;
      ring = ringOf(all);
    },
    pick({ hash, tried }) {
      const { hashes, owners } = ring;
      if (all.length < 2) return all[0];
      const start = pointFrom(hashes, hash ?? Math.floor(random() * 2 ** 32));
      const inFlightMax = loadFactorMax === Infinity ? Infinity : loadMax(all, loadFactorMax);
      let fallback: Endpoint | undefined;
      for (let step = 0; step < hashes.length; step++) {
        const endpoint = all[owners[(start + step) % owners.length] as number] as Endpoint;
        if (!(panics || endpoint.available) || tried.includes(endpoint)) continue;
        if (endpoint.inFlight < inFlightMax * endpoint.weight) return endpoint;
        fallback ??= endpoint;
      }
      return fallback ?? (all[owners[start] as number] as Endpoint);
    },
  };
}

/** What may be in flight on one for each unit of weight, counting the request to come. */
function loadMax(all: readonly Endpoint[], factor: number): number {
  let inFlight = 1;
  let weight = 0;
  for (const endpoint of all) {
    inFlight += endpoint.inFlight;
    weight += endpoint.weight;
  }
  return Math.ceil((factor * inFlight) / weight);
}

/** First point at or after the hash; after the last comes the first. */
function pointFrom(hashes: Uint32Array, hash: number): number {
  let low = 0;
  let high = hashes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((hashes[middle] as number) < hash) low = middle + 1;
    else high = middle;
  }
  return low === hashes.length ? 0 : low;
}

function ringOf(all: readonly Endpoint[]): Ring {
  const endpoints = all.slice(0, placesMax);
  const counts = endpoints.map(({ weight }) => Math.max(1, Math.round(weight * pointsPerWeight)));
  let total = counts.reduce((sum, count) => sum + count, 0);
  // Halved until they fit, so that a few more endpoints do not change the points of all.
  for (let divisor = 2; total > pointsMax; divisor *= 2) {
    for (const [index, { weight }] of endpoints.entries()) counts[index] = Math.max(1, Math.round((weight * pointsPerWeight) / divisor));
    const thinner = counts.reduce((sum, count) => sum + count, 0);
    if (thinner === total) break;
    total = thinner;
  }
  const points = new Float64Array(total);
  let at = 0;
  for (const [place, { key }] of endpoints.entries()) {
    const seed = textHash(key);
    for (let index = 0; index < (counts[place] as number); index++)
      points[at++] = mixed(seed + Math.imul(index, 0x9e3779b9)) * placesMax + place;
  }
  points.sort();
  const hashes = new Uint32Array(total);
  const owners = new Uint32Array(total);
  for (const [index, point] of points.entries()) {
    hashes[index] = Math.floor(point / placesMax);
    owners[index] = point % placesMax;
  }
  return { hashes, owners };
}
