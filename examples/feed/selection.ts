import { fault } from "@weir/kit/fault";
import type { Layer, Service } from "@weir/kit/service";
import type { Candidates } from "./candidates.ts";
import type { Catalogue } from "./catalogue.ts";
import type { FeedCounts } from "./feed-counts.ts";
import { FeedReason } from "./feed.weir.ts";
import type { Rank } from "./rank.ts";
import type { Taste } from "./recall.ts";
import type { WatchedFilm, Watches } from "./watches.ts";

/** Whose films are wanted. */
export interface SelectionRequest {
  readonly userId: string;
  /** As they were after so many watches of the user, so that a walk over pages stays on one list. Undefined for now. */
  readonly watches: number | undefined;
}

/** Films for a user. */
export interface Selection {
  readonly candidates: Candidates;
  /** After how many of the user's watches: what it has watched until then is not among them. */
  readonly watches: number;
  /** Places of films that the user has watched since. */
  readonly gone: ReadonlySet<number>;
}

/** What recall works with. */
export interface RecalledOptions {
  readonly catalogue: Catalogue;
  readonly watches: Pick<Watches, "of">;
  /** In this process or asked over gRPC. */
  readonly recall: Service<Taste, Candidates>;
}

const none: ReadonlySet<number> = new Set();

/**
 * The Service at the end of the pipeline: reads what the user has watched and finds candidates, in no order. Rejects
 * with CURSOR_INVALID for more watches than there are, and as the database does.
 */
export function recalled({ catalogue, watches, recall }: RecalledOptions): Service<SelectionRequest, Selection> {
  const placesOf = (rows: readonly WatchedFilm[]): Uint16Array =>
    Uint16Array.from(rows.flatMap(({ filmId }) => catalogue.byId.get(filmId)?.index ?? []));
  return async ({ userId, watches: asOf }, call) => {
    const history = await watches.of(userId);
    const latest = history.at(-1)?.number ?? 0;
    if (asOf !== undefined && asOf > latest) {
      throw fault(FeedReason.CURSOR_INVALID, `expected a cursor of at most ${latest} watches, found ${asOf}`);
    }
    const until = asOf ?? latest;
    const watched = placesOf(history.filter(({ number }) => number <= until));
    const gone = until === latest ? none : new Set(placesOf(history.filter(({ number }) => number > until)));
    return { candidates: await recall({ userId, watched }, call), watches: until, gone };
  };
}

/** A Layer that puts what recall found in order, and counts how many there were and how long it took. */
export function ranked(rank: Rank, counts: FeedCounts): Layer<SelectionRequest, Selection> {
  return (next) => async (request, call) => {
    const selection = await next(request, call);
    const startMs = call.clock.monotonicMs();
    const candidates = rank(selection.candidates);
    counts.rankSeconds.observe((call.clock.monotonicMs() - startMs) / 1000);
    counts.candidates.add(selection.candidates.films.length);
    return { ...selection, candidates };
  };
}
