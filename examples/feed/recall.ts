import type { Catalogue, CatalogueFilm } from "./catalogue.ts";
import { genres } from "./catalogue.ts";

/** How many genres a user is asked for, and how many films each brings. */
const genresPerUser = 3;
const filmsPerGenre = 80;

/**
 * How much a user likes each genre, 0 to 1. There is no history to learn from in this example: taste comes from the
 * user's id, so that it is always the same.
 */
export function tasteOf(userId: string): Float64Array {
  const taste = new Float64Array(genres.length);
  let hash = 0x811c9dc5;
  for (let index = 0; index < userId.length; index++) hash = Math.imul(hash ^ userId.charCodeAt(index), 0x01000193);
  for (let genre = 0; genre < taste.length; genre++) {
    hash = Math.imul(hash ^ (hash >>> 15) ^ genre, 0x2c1b3c6d);
    taste[genre] = ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
  }
  return taste;
}

/** The films worth ranking for a taste: the most watched of the genres it likes best, each once. */
export function recall(catalogue: Catalogue, taste: Float64Array): CatalogueFilm[] {
  const liked = [...taste.keys()].sort((one, other) => taste[other]! - taste[one]!).slice(0, genresPerUser);
  const found = new Set<CatalogueFilm>();
  for (const genre of liked) {
    const films = catalogue.byGenre[genre]!;
    const upTo = Math.min(films.length, filmsPerGenre);
    for (let index = 0; index < upTo; index++) found.add(films[index]!);
  }
  return [...found];
}
