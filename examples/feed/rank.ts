import type { Candidates } from "./candidates.ts";
import { createCandidates } from "./candidates.ts";
import type { Catalogue } from "./catalogue.ts";

/** Puts candidates in the order in which they are shown; at most 100 are. */
export type Rank = (candidates: Candidates) => Candidates;

const shownMax = 100;

/** v1: the best score first; of equal ones what was found first. */
export const rankByScore: Rank = (candidates) => inOrder(candidates, orderByScore(candidates).subarray(0, shownMax));

/** Films in a row that are looked at together, and how many of one genre they may hold. */
const windowSize = 10;
const perGenreMax = 2;
/** What one film of the same genre in the window takes from the score of the next. */
const penalty = 0.15;

/**
 * v2: relevance against redundancy, film by film (after Carbonell and Goldstein's maximal marginal relevance, SIGIR
 * 1998). The best film comes next whose genre is not that of the film before and stands at most once among the nine
 * before; each that stands there takes from its score. So ten in a row hold no genre more than twice. Where candidates
 * do not allow that, the bound gives way first and then the difference of neighbours.
 */
export function rankWithDiversity({ genreOf, genres }: Pick<Catalogue, "genreOf" | "genres">): Rank {
  return (candidates) => {
    const queues = queuesByGenre(candidates, { genreOf, genreCount: genres.length });
    const chosen = new Uint16Array(Math.min(shownMax, candidates.films.length));
    const chosenGenres = new Uint8Array(chosen.length);
    const recent = new Uint8Array(genres.length);
    let genre = -1;
    for (let at = 0; at < chosen.length; at++) {
      if (at >= windowSize) recent[chosenGenres[at - windowSize]!]!--;
      genre = nextGenre(queues.worth, { recent, previous: genre });
      chosen[at] = takeFrom(queues, genre);
      chosenGenres[at] = genre;
      recent[genre]!++;
    }
    return inOrder(candidates, chosen);
  };
}

/** Candidates by genre, best first: those of genre g stand in `order` from `heads[g]` up to `ends[g]`. */
interface Queues {
  readonly scores: Float32Array;
  readonly order: Uint16Array;
  readonly heads: Uint16Array;
  readonly ends: Uint16Array;
  /** Score of the first of each queue; -Infinity when it is empty. */
  readonly worth: Float32Array;
}

function queuesByGenre(candidates: Candidates, { genreOf, genreCount }: { genreOf: Uint8Array; genreCount: number }): Queues {
  const { films, scores } = candidates;
  const sorted = orderByScore(candidates);
  const heads = new Uint16Array(genreCount);
  for (let at = 0; at < films.length; at++) heads[genreOf[films[at]!]!]!++;
  for (let genre = 0, before = 0; genre < genreCount; genre++) {
    const count = heads[genre]!;
    heads[genre] = before;
    before += count;
  }
  const ends = heads.slice();
  const order = new Uint16Array(sorted.length);
  for (let at = 0; at < sorted.length; at++) order[ends[genreOf[films[sorted[at]!]!]!]!++] = sorted[at]!;
  const worth = new Float32Array(genreCount);
  for (let genre = 0; genre < genreCount; genre++) {
    worth[genre] = heads[genre]! < ends[genre]! ? scores[order[heads[genre]!]!]! : -Infinity;
  }
  return { scores, order, heads, ends, worth };
}

function takeFrom({ scores, order, heads, ends, worth }: Queues, genre: number): number {
  const taken = order[heads[genre]!++]!;
  worth[genre] = heads[genre]! < ends[genre]! ? scores[order[heads[genre]!]!]! : -Infinity;
  return taken;
}

/** `recent` says how often each genre stands in the window, `previous` is the genre of the film before, -1 for none. */
function nextGenre(worth: Float32Array, { recent, previous }: { recent: Uint8Array; previous: number }): number {
  let best = -1;
  let bestWorth = -Infinity;
  for (let genre = 0; genre < worth.length; genre++) {
    const times = recent[genre]!;
    // Scores lie between 0 and 1: what breaks a rule comes after all that keeps it.
    const broken = (genre === previous ? 100 : 0) + (times >= perGenreMax ? 10 : 0);
    const found = worth[genre]! - penalty * times - broken;
    if (found <= bestWorth) continue;
    bestWorth = found;
    best = genre;
  }
  return best;
}

const placeBits = 12;
const scoreSteps = 2 ** (32 - placeBits) - 1;

/** Places in the lists of candidates, best score first. Score and place make one number, because numbers sort fastest. */
function orderByScore({ films, scores }: Candidates): Uint16Array {
  const keys = new Uint32Array(films.length);
  for (let at = 0; at < keys.length; at++) keys[at] = (Math.round((1 - scores[at]!) * scoreSteps) << placeBits) | at;
  keys.sort();
  const order = new Uint16Array(keys.length);
  for (let at = 0; at < order.length; at++) order[at] = keys[at]! & (2 ** placeBits - 1);
  return order;
}

function inOrder({ films, scores, why }: Candidates, order: Uint16Array): Candidates {
  const ordered = createCandidates(order.length);
  for (let at = 0; at < order.length; at++) {
    const from = order[at]!;
    ordered.films[at] = films[from]!;
    ordered.scores[at] = scores[from]!;
    ordered.why[at] = why[from]!;
  }
  return ordered;
}
