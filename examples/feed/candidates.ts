/** Why a film is a candidate when no watched film is the reason; else `why` is the place of that film. */
export const popular = -1;
/** As `popular`: it was drawn for the user, who might come to like it. */
export const toDiscover = -2;

/** Films worth ranking for a user, each once and none that it has watched. Three lists side by side. */
export interface Candidates {
  /** Places in the catalogue. */
  readonly films: Uint16Array;
  /** 0 to 1. */
  readonly scores: Float32Array;
  /** `popular`, `toDiscover`, or the place of the watched film that it is like. */
  readonly why: Int16Array;
}

/** Lists of a length, to be filled. */
export function createCandidates(count: number): Candidates {
  return { films: new Uint16Array(count), scores: new Float32Array(count), why: new Int16Array(count) };
}
