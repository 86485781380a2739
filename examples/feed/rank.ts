import type { Candidates } from "./candidates.ts";
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
  // Used again for every user: ranking waits for nothing, so nobody else comes between.
  const chosen = new Uint16Array(shownMax);
  const chosenGenres = new Uint8Array(shownMax);
  const recent = new Uint8Array(genres.length);
  const queues = createQueues(genres.length);
  return (candidates) => {
    const count = Math.min(shownMax, candidates.films.length);
    fillQueues(queues, candidates, genreOf);
    recent.fill(0);
    let genre = -1;
    for (let at = 0; at < count; at++) {
      if (at >= windowSize) recent[chosenGenres[at - windowSize]!]!--;
      genre = nextGenre(queues.worth, { recent, previous: genre });
      chosen[at] = takeFrom(queues, candidates.scores, genre);
      chosenGenres[at] = genre;
      recent[genre]!++;
    }
    return inOrder(candidates, chosen.subarray(0, count));
  };
}

/** Candidates by genre, best first: those of genre g stand in `order` from `heads[g]` up to `ends[g]`. */
interface Queues {
  readonly order: Uint16Array;
  readonly heads: Uint16Array;
  readonly ends: Uint16Array;
  /** Score of the first of each queue; -Infinity when it is empty. */
  readonly worth: Float64Array;
}

function createQueues(count: number): Queues {
  const [heads, ends] = [new Uint16Array(count), new Uint16Array(count)];
  return { order: new Uint16Array(candidatesMax), heads, ends, worth: new Float64Array(count) };
}

function fillQueues({ order, heads, ends, worth }: Queues, { films, scores }: Candidates, genreOf: Uint8Array): void {
  const sorted = orderByScore({ scores });
  ends.fill(0);
  for (let at = 0; at < sorted.length; at++) ends[genreOf[films[at]!]!]!++;
  for (let genre = 0, from = 0; genre < heads.length; genre++) {
    heads[genre] = from;
    from += ends[genre]!;
    ends[genre] = heads[genre]!;
  }
  for (let at = 0; at < sorted.length; at++) order[ends[genreOf[films[sorted[at]!]!]!]!++] = sorted[at]!;
  for (let genre = 0; genre < heads.length; genre++) {
    worth[genre] = heads[genre]! < ends[genre]! ? scores[order[heads[genre]!]!]! : -Infinity;
  }
}

/** The best candidate of a genre, which leaves its queue. */
function takeFrom({ order, heads, ends, worth }: Queues, scores: readonly number[], genre: number): number {
  const taken = order[heads[genre]!]!;
  const next = ++heads[genre]!;
  worth[genre] = next < ends[genre]! ? scores[order[next]!]! : -Infinity;
  return taken;
}

/** `recent` says how often each genre stands in the window, `previous` is the genre of the film before, -1 for none. */
function nextGenre(worth: Float64Array, { recent, previous }: { recent: Uint8Array; previous: number }): number {
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
const candidatesMax = 2 ** placeBits;
const scoreSteps = 2 ** (32 - placeBits) - 1;
const keys = new Uint32Array(candidatesMax);

/**
 * Places in the lists of candidates, best score first; good until the next call. Score and place make one number,
 * because numbers sort fastest.
 */
function orderByScore({ scores }: Pick<Candidates, "scores">): Uint32Array {
  const order = keys.subarray(0, scores.length);
  for (let at = 0; at < order.length; at++) order[at] = (Math.round((1 - scores[at]!) * scoreSteps) << placeBits) | at;
  order.sort();
  for (let at = 0; at < order.length; at++) order[at]! &= candidatesMax - 1;
  return order;
}

function inOrder({ films, scores, why }: Candidates, order: Uint16Array | Uint32Array): Candidates {
  // Copies have just the room that they need; lists that grow have more, and these are kept for a while.
  const count = order.length;
  const ordered: Candidates = { films: films.slice(0, count), scores: scores.slice(0, count), why: why.slice(0, count) };
  for (let at = 0; at < count; at++) {
    const from = order[at]!;
    ordered.films[at] = films[from]!;
    ordered.scores[at] = scores[from]!;
    ordered.why[at] = why[from]!;
  }
  return ordered;
}
