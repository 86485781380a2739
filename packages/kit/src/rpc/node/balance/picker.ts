import type { Endpoint } from "./endpoint.ts";

/** What a request says about where it wants to go. */
export interface PickAsk {
  readonly nowMs: number;
  /** Of the request's key; undefined when it has none. */
  readonly hash: number | undefined;
  /** Endpoints that have failed this request: another is taken, if there is one. */
  readonly tried: readonly Endpoint[];
}

/** Chooses an endpoint for each request. */
export interface Picker {
  /**
   * From now on these: all, and those of them that are available. When none is, all are used: whoever sends a request finds out sooner
   * than a timer that one is back.
   */
  use(all: readonly Endpoint[], available: readonly Endpoint[]): void;
  /** Undefined when there is none at all. */
  pick(ask: PickAsk): Endpoint | undefined;
}
