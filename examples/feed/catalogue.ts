/** What is known of a film. `weights` holds how much of each genre it is. */
export interface CatalogueFilm {
  readonly id: string;
  readonly title: string;
  readonly genres: readonly string[];
  readonly year: number;
  /** 0 to 1: how many people watch it. */
  readonly popularity: number;
  readonly weights: Float64Array;
}

/** All films, and for every genre the films of it by popularity. */
export interface Catalogue {
  readonly films: readonly CatalogueFilm[];
  readonly byId: ReadonlyMap<string, CatalogueFilm>;
  readonly byGenre: readonly (readonly CatalogueFilm[])[];
}

/** The genres, in the order in which weights and tastes count them. */
export const genres: readonly string[] = ["adventure", "animation", "comedy", "crime", "documentary", "drama", "family", "fantasy", "history", "horror", "music", "mystery", "romance", "science fiction", "thriller", "western"];

const adjectives = ["Quiet", "Last", "Hidden", "Golden", "Northern", "Broken", "Distant", "Second", "Silver", "Wild", "Early", "Paper", "Salt", "Winter", "Open", "Blue"];
const nouns = ["River", "Harbour", "Garden", "Signal", "Letter", "Mountain", "Orchard", "Bridge", "Lantern", "Season", "Weir", "Compass", "Window", "Voyage", "Island", "Song"];

/** Makes a catalogue of `count` films; the same for the same count, so that all instances agree. */
export function createCatalogue(count: number): Catalogue {
  const random = randomFrom(256);
  const films = Array.from({ length: count }, (_, index) => createFilm(index, random));
  const byGenre = genres.map((genre) =>
    films.filter((film) => film.genres.includes(genre)).sort((one, other) => other.popularity - one.popularity),
  );
  return { films, byId: new Map(films.map((film) => [film.id, film])), byGenre };
}

function createFilm(index: number, random: () => number): CatalogueFilm {
  const weights = new Float64Array(genres.length);
  const chosen = new Set<number>();
  while (chosen.size < 2) chosen.add(Math.floor(random() * genres.length));
  for (const genre of chosen) weights[genre] = 0.5 + random() / 2;
  const adjective = adjectives[index % adjectives.length]!;
  const noun = nouns[Math.floor(index / adjectives.length) % nouns.length]!;
  const part = Math.floor(index / (adjectives.length * nouns.length)) + 1;
  return {
    id: `f${index + 1}`,
    title: part === 1 ? `The ${adjective} ${noun}` : `The ${adjective} ${noun}, part ${part}`,
    genres: [...chosen].sort((one, other) => one - other).map((genre) => genres[genre]!),
    year: 1950 + Math.floor(random() * 76),
    // Few films are watched by many: a long tail, as catalogues have.
    popularity: random() ** 3,
    weights,
  };
}

/** A small generator (mulberry32) whose numbers are the same on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
