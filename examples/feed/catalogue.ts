import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { slugFrom, titleFrom } from "./film-title.ts";

/** What is known of a film. What the catalogue does not say is undefined, or "Unclassified" for the genre. */
export interface CatalogueFilm {
  /** Where it stands in the catalogue. */
  readonly index: number;
  /** Of title and year, stable and unique: "the-land-girls-1998". */
  readonly id: string;
  readonly title: string;
  readonly genre: string;
  readonly year: number;
  readonly minutes: number | undefined;
  /** 0 to 10, and from how many people. */
  readonly rating: number | undefined;
  readonly votes: number | undefined;
  readonly budget: number | undefined;
  readonly creativeType: string | undefined;
  readonly source: string | undefined;
  readonly director: string | undefined;
  /** 0 to 1: many people know it and like it. */
  readonly popularity: number;
}

/** All films, by their place, by id, and the places in order of popularity. */
export interface Catalogue {
  readonly films: readonly CatalogueFilm[];
  readonly byId: ReadonlyMap<string, CatalogueFilm>;
  readonly byPopularity: Uint16Array;
  /** The genre of each film as a number, its place in `genres`. */
  readonly genreOf: Uint8Array;
  readonly genres: readonly string[];
  /** The same for two catalogues whose films stand in the same places. */
  readonly fingerprint: string;
}

/** A film as `movies.json` has it. Any field may be null. */
export type MovieRecord = Readonly<Record<string, unknown>>;

/** The youngest film is of 2011; dates after that were written with two digits and completed to the wrong century. */
const yearMax = 2011;

/** Reads the 3,201 films of the npm package vega-datasets. */
export async function loadCatalogue(): Promise<Catalogue> {
  // The package has no door to its data, so it is found from the one it has.
  const file = new URL("../data/movies.json", import.meta.resolve("vega-datasets"));
  return catalogueFrom(JSON.parse(await readFile(file, "utf8")) as MovieRecord[]);
}

/** Makes a catalogue of records and repairs their oddities: see README.md, "The catalogue". */
export function catalogueFrom(records: readonly MovieRecord[]): Catalogue {
  const taken = new Map<string, number>();
  const films = records.map((record, index) => filmFrom(record, { index, taken }));
  const genres = [...new Set(films.map(({ genre }) => genre))].toSorted();
  const byPopularity = films.toSorted((one, other) => other.popularity - one.popularity || one.index - other.index);
  return {
    films,
    byId: new Map(films.map((film) => [film.id, film])),
    byPopularity: Uint16Array.from(byPopularity, ({ index }) => index),
    genreOf: Uint8Array.from(films, ({ genre }) => genres.indexOf(genre)),
    genres,
    fingerprint: createHash("sha256")
      .update(films.map(({ id }) => id).join())
      .digest("hex")
      .slice(0, 16),
  };
}

function filmFrom(record: MovieRecord, { index, taken }: { index: number; taken: Map<string, number> }): CatalogueFilm {
  const title = titleFrom(record["Title"]);
  const year = yearFrom(record["Release Date"]);
  const slug = slugFrom(title, year);
  const sameSlug = (taken.get(slug) ?? 0) + 1;
  taken.set(slug, sameSlug);
  const rating = numberFrom(record["IMDB Rating"]);
  const votes = numberFrom(record["IMDB Votes"]);
  return {
    index,
    id: sameSlug === 1 ? slug : `${slug}-${sameSlug}`,
    title,
    genre: textFrom(record["Major Genre"]) ?? "Unclassified",
    year,
    minutes: numberFrom(record["Running Time min"]),
    rating,
    votes,
    budget: numberFrom(record["Production Budget"]),
    creativeType: textFrom(record["Creative Type"]),
    source: textFrom(record["Source"]),
    director: textFrom(record["Director"]),
    popularity: popularityFrom(rating ?? 0, votes ?? 0),
  };
}

function yearFrom(date: unknown): number {
  const year = Number(/\d{4}$/.exec(typeof date === "string" ? date : "")?.[0] ?? 0);
  return year > yearMax ? year - 100 : year;
}

/** Half of it how well it is liked, and half how well it is known: 100,000 votes and more count as all. */
function popularityFrom(rating: number, votes: number): number {
  // As if 500 more people had found it middling: three friends do not make a favourite.
  const steadied = (rating * votes + 5 * 500) / (votes + 500);
  return (steadied / 10 + Math.min(1, Math.log10(1 + votes) / 5)) / 2;
}

function numberFrom(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}

function textFrom(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
