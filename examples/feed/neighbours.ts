import type { Catalogue, CatalogueFilm } from "./catalogue.ts";

/** The films most like each film, nearest first: `count` places from `film * count` on. */
export interface Neighbours {
  readonly count: number;
  readonly films: Uint16Array;
  /** 0 to 1, 1 for films that are alike in everything that is compared. */
  readonly likeness: Float32Array;
}

/** What `createNeighbours` may be told. */
export interface NeighboursOptions {
  /** Neighbours of each film. Default 24. */
  readonly count?: number;
  /** Stops the work, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told after each slice how many films are done. */
  readonly progress?: (done: number) => void;
}

/** How much each attribute weighs in the squared distance: that one differs, or that two numbers lie a whole scale apart. */
const weights = { genre: 1.5, creativeType: 0.8, source: 0.4, director: 1, year: 1.2, rating: 0.6, votes: 0.5, budget: 0.7 } as const;
const named = ["genre", "creativeType", "source", "director"] as const;
const filmsPerSlice = 64;

/**
 * Compares all films with each other by their own attributes. Each is a vector: genre, creative type, source and
 * director one-hot, year, rating, votes and budget as numbers on a scale of 0 to 1. What is unknown is unlike anything.
 * Of vectors so thin the one-hot parts need no multiplying: they are equal or not. It works in slices and lets others
 * have their turn between them: 10 million pairs take about 0.2 s.
 */
export async function createNeighbours(catalogue: Catalogue, options: NeighboursOptions = {}): Promise<Neighbours> {
  const { count = 24, signal, progress } = options;
  const vectors = vectorsFrom(catalogue);
  const size = catalogue.films.length;
  const found: Neighbours = { count, films: new Uint16Array(size * count), likeness: new Float32Array(size * count) };
  for (let from = 0; from < size; from += filmsPerSlice) {
    const upTo = Math.min(size, from + filmsPerSlice);
    for (let film = from; film < upTo; film++) addNearest(found, vectors, film);
    progress?.(upTo);
    await new Promise(setImmediate);
    signal?.throwIfAborted();
  }
  return found;
}

interface Vectors {
  readonly size: number;
  /** For each film the four names as numbers; 0 is unknown. */
  readonly names: Uint16Array;
  /** For each film the four numbers, already multiplied by the root of their weight. */
  readonly numbers: Float32Array;
}

function vectorsFrom({ films }: Catalogue): Vectors {
  const numberOf = new Map<string, number>();
  const codeOf = (attribute: string, value: string | undefined): number => {
    if (value === undefined || value === "Unclassified") return 0;
    const key = `${attribute}:${value}`;
    const known = numberOf.get(key) ?? numberOf.size + 1;
    numberOf.set(key, known);
    return known;
  };
  const names = Uint16Array.from(films.flatMap((film) => named.map((attribute) => codeOf(attribute, film[attribute]))));
  return { size: films.length, names, numbers: Float32Array.from(films.flatMap(scaled)) };
}

/** Years from 1911 to 2011, ratings to 10, votes and money by their magnitude; the middle where unknown. */
function scaled({ year, rating, votes, budget }: CatalogueFilm): number[] {
  const magnitude = (value: number | undefined, highest: number): number => (value === undefined ? 0.5 : Math.log10(1 + value) / highest);
  return [
    ((year - 1911) / 100) * 3 * Math.sqrt(weights.year),
    ((rating ?? 5) / 10) * 2 * Math.sqrt(weights.rating),
    magnitude(votes, 6) * Math.sqrt(weights.votes),
    magnitude(budget, 9) * 2 * Math.sqrt(weights.budget),
  ];
}

const nameWeights = Float32Array.from(named, (attribute) => weights[attribute]);
const distanceScale = 2;

function addNearest(found: Neighbours, { size, names, numbers }: Vectors, film: number): void {
  const { count, films, likeness } = found;
  const first = film * count;
  const last = first + count - 1;
  for (let other = 0; other < size; other++) {
    if (other === film) continue;
    let distance = 0;
    for (let at = 0; at < 4; at++) {
      const name = names[film * 4 + at]!;
      if (name === 0 || name !== names[other * 4 + at]!) distance += nameWeights[at]!;
      const apart = numbers[film * 4 + at]! - numbers[other * 4 + at]!;
      distance += apart * apart;
    }
    const like = distanceScale / (distanceScale + distance);
    if (like <= likeness[last]!) continue;
    let at = last;
    for (; at > first && like > likeness[at - 1]!; at--) {
      likeness[at] = likeness[at - 1]!;
      films[at] = films[at - 1]!;
    }
    likeness[at] = like;
    films[at] = other;
  }
}
