/** Why a film is a candidate when no watched film is the reason; else `why` is the place of that film. */
export const popular = -1;
/** As `popular`: it was drawn for the user, who might come to like it. */
export const toDiscover = -2;

/**
 * Films worth ranking for a user, each once and none that it has watched. Three lists side by side, plain ones: typed
 * arrays this short cost more to make and to let go of than they save.
 */
export interface Candidates {
  /** Places in the catalogue. */
  readonly films: number[];
  /** 0 to 1. */
  readonly scores: number[];
  /** `popular`, `toDiscover`, or the place of the watched film that it is like. */
  readonly why: number[];
}
