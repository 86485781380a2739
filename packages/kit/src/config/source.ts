import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { Problem } from "./config.weir.ts";
import type { CheckedSchema, RawValues } from "./schema.ts";

/** Where values come from: a file, the control plane, the environment. */
export interface ConfigSource {
  /** One word, for metrics: "file". */
  readonly kind: string;
  /** For people: "file feed.json". */
  readonly name: string;
  /**
   * Offers what it has and resolves; from then on offers what changes, one thing at a time. Rejects when a process must not start
   * without it. Called once.
   */
  start(host: SourceHost): Promise<void>;
  /** In a few words how it is: "watched", "missing", "connected"; and how long ago it was last known to be current, if it can be lost. */
  state(): SourceState;
  /** Lets go of what it holds; offers nothing any more. */
  stop(): Promise<void>;
}

/** How a source is. */
export interface SourceState {
  readonly state: string;
  /** Milliseconds since it was last known to be current; absent for what cannot change. */
  readonly ageMs?: number;
}

/** What a source offers. */
export interface Offer {
  /** Tells versions of this source apart: the beginning of a hash, a number. */
  readonly revision: string;
  readonly values: RawValues;
  /** Found already, when not all of it could be read as values; then the whole is refused. */
  readonly problems?: readonly Problem[];
  /** More than the name of the source of where a key stands: "line 3". */
  readonly whereIs?: (key: string) => string | undefined;
}

/** What became of it: taken whole, or refused whole. */
export type OfferOutcome = OfferTaken | OfferRefused;

/** It is in force. */
export interface OfferTaken {
  readonly taken: true;
  /** Keys that will have their new value after a restart. */
  readonly needsRestart: readonly string[];
  /** Keys of it that a stronger source holds at another value. */
  readonly shadowed: readonly string[];
}

/** What was in force before still is. */
export interface OfferRefused {
  readonly taken: false;
  readonly problems: readonly Problem[];
}

/** What a source is given. */
export interface SourceHost {
  readonly schema: CheckedSchema;
  readonly clock: Clock;
  readonly log: Logger;
  /** Never rejects. */
  offer(offer: Offer): Promise<OfferOutcome>;
}
