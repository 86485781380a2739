import type { CatalogueFilm } from "./catalogue.ts";

/** A film and how well it fits. */
export interface RankedFilm {
  readonly film: CatalogueFilm;
  readonly score: number;
}

/** Orders films for a taste, best first. The two versions of the service differ in nothing else. */
export type Rank = (films: readonly CatalogueFilm[], taste: Float64Array) => RankedFilm[];

/** v1: what most people watch. */
export const rankByPopularity: Rank = (films) => ranked(films, (film) => film.popularity);

/** v2: what this user likes, and among equals what most people watch. */
export const rankByTaste: Rank = (films, taste) =>
  ranked(films, (film) => {
    let fit = 0;
    for (let genre = 0; genre < taste.length; genre++) fit += taste[genre]! * film.weights[genre]!;
    return 0.8 * fit + 0.2 * film.popularity;
  });

function ranked(films: readonly CatalogueFilm[], scoreOf: (film: CatalogueFilm) => number): RankedFilm[] {
  return films.map((film) => ({ film, score: scoreOf(film) })).sort((one, other) => other.score - one.score);
}
