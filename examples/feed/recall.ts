import type { Candidates } from "./candidates.ts";
import { popular, toDiscover } from "./candidates.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Neighbours } from "./neighbours.ts";

/** For whom to look. */
export interface Taste {
  readonly userId: string;
  /** Places of the films that the user has watched, in that order. */
  readonly watched: Uint16Array;
}

/** Finds candidates in this process: what is like what the user has watched, what is popular, and what there is to discover. */
export type Recall = (taste: Taste) => Candidates;

const watchedMax = 20;
const popularMax = 60;
const popularAmong = 240;
const discoverMax = 40;
/** The largest share of a score that each of the three can bring; likeness and popularity add up to 1. */
const weightOf = { likeness: 0.7, popularity: 0.3, discovery: 0.35 } as const;
/** How much less an earlier film counts than the one watched after it. */
const fading = 0.95;

/**
 * Recall over a catalogue and its neighbours. It takes the neighbours of the last 20 films that were watched, 60 of the
 * 240 most popular films and 40 of all, the last two drawn by the user's id: the same user is always dealt the same, and
 * users without a history see pages that differ. Not more than 580 films; a film that comes twice has its better score.
 */
export function createRecall(catalogue: Catalogue, neighbours: Neighbours): Recall {
  const { films, byPopularity } = catalogue;
  const popularity = Float32Array.from(films, (film) => film.popularity);
  const found = new Uint16Array(films.length);
  const scores = new Float32Array(films.length);
  const why = new Int16Array(films.length);
  // What is set for a film counts only in the round that it was set in, so that nothing is ever cleared.
  const rounds = new Uint32Array(films.length);
  let round = 0;
  let count = 0;

  function add(film: number, score: number, because: number): void {
    if (rounds[film]! === round + 1) return;
    if (rounds[film]! !== round) {
      rounds[film] = round;
      found[count++] = film;
    } else if (scores[film]! >= score) return;
    scores[film] = score;
    why[film] = because;
  }

  function addNeighbours(watched: Uint16Array): void {
    let weight: number = weightOf.likeness;
    for (let at = watched.length - 1; at >= 0 && at >= watched.length - watchedMax; at--, weight *= fading) {
      const from = watched[at]! * neighbours.count;
      for (let next = from; next < from + neighbours.count; next++) {
        const film = neighbours.films[next]!;
        add(film, weight * neighbours.likeness[next]! + weightOf.popularity * popularity[film]!, watched[at]!);
      }
    }
  }

  /** Draws from the first `among` films of a list until `most` of them are new or all have been seen. */
  function draw(random: () => number, { most, among, because }: { most: number; among: number; because: number }): void {
    const step = strideOf(among, random());
    const enough = count + most;
    let at = Math.floor(random() * among);
    for (let seen = 0; seen < among && count < enough; seen++, at = (at + step) % among) {
      const film = byPopularity[at]!;
      const share = because === popular ? weightOf.popularity : weightOf.discovery * random();
      add(film, share * popularity[film]!, because);
    }
  }

  return ({ userId, watched }) => {
    round += 2;
    count = 0;
    for (const film of watched) rounds[film] = round + 1;
    const random = randomFrom(userId);
    addNeighbours(watched);
    draw(random, { most: popularMax, among: Math.min(films.length, popularAmong), because: popular });
    draw(random, { most: discoverMax, among: films.length, because: toDiscover });
    const candidates: Candidates = { films: [], scores: [], why: [] };
    for (let at = 0; at < count; at++) {
      const film = found[at]!;
      candidates.films.push(film);
      candidates.scores.push(scores[film]!);
      candidates.why.push(why[film]!);
    }
    return candidates;
  };
}

/** A step that leads through all of `count` places before it comes to one again: it has no divisor in common with it. */
function strideOf(count: number, chance: number): number {
  let step = 1 + Math.floor(chance * (count - 1));
  while (!haveNoDivisor(step, count)) step++;
  return step;
}

function haveNoDivisor(one: number, other: number): boolean {
  while (other !== 0) [one, other] = [other, one % other];
  return one === 1;
}

/** Numbers from 0 up to 1 that follow from a text, on every machine the same (FNV-1a, then mulberry32). */
function randomFrom(seed: string): () => number {
  let state = 0x811c9dc5;
  for (let index = 0; index < seed.length; index++) state = Math.imul(state ^ seed.charCodeAt(index), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
