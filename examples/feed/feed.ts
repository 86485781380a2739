import type { Caches } from "@weir/kit/cache/caches";
import { fault } from "@weir/kit/fault";
import { layered } from "@weir/kit/service";
import type { Service } from "@weir/kit/service";
import type { Metrics } from "@weir/kit/telemetry/metrics";
import type { Clock } from "@weir/kit/clock";
import type { Candidates } from "./candidates.ts";
import type { Catalogue, CatalogueFilm } from "./catalogue.ts";
import { createFeedCounts } from "./feed-counts.ts";
import type { FeedHandlers, RecordWatchRequest, RecordWatchResponse } from "./feed.weir.ts";
import { FeedReason } from "./feed.weir.ts";
import { filmFrom, pageOf } from "./page.ts";
import { rankByScore, rankWithDiversity } from "./rank.ts";
import { createRateLimit } from "./rate-limit.ts";
import type { Taste } from "./recall.ts";
import { createSelectionCache, kept } from "./selection-cache.ts";
import { ranked, recalled } from "./selection.ts";
import { checkUserId } from "./user-id.ts";
import type { WatchWriter } from "./watch-writer.ts";
import type { Watches } from "./watches.ts";

/** What the feed is made of. */
export interface FeedOptions {
  /** "v1" ranks by score, every other version with diversity; nothing else differs. */
  readonly version: string;
  readonly catalogue: Catalogue;
  /** In this process (`createRecall`), or asked over gRPC (`createRemoteRecall`). */
  readonly recall: Service<Taste, Candidates>;
  readonly watches: Pick<Watches, "of"> & Pick<WatchWriter, "record">;
  readonly caches: Caches;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** What one user may ask. Default 20. */
  readonly requestsPerSecond?: number;
}

const watchIdLengthMax = 64;

/** The feed, put together. A page passes through its Layers from top to bottom, and its films come back up. */
export function createFeed(options: FeedOptions): FeedHandlers {
  const { version, catalogue, recall, watches, caches, metrics, clock, requestsPerSecond = 20 } = options;
  const counts = createFeedCounts(metrics);
  const rank = version === "v1" ? rankByScore : rankWithDiversity(catalogue);
  const limit = createRateLimit(requestsPerSecond);

  // Below the cache, because one order serves all pages of a walk.
  const select = layered(recalled({ catalogue, watches, recall }), [ranked(rank, counts)]);
  // People leaf and come back: what was selected for a user is good for 5 seconds.
  const cache = createSelectionCache({ caches, clock, select });
  const selections = kept(cache, select);
  // Outermost, so that who asks too often costs next to nothing. Pages and watches count together.
  const page = layered(pageOf({ version, catalogue, selections }), [limit()]);

  const recordWatch = layered<RecordWatchRequest, RecordWatchResponse>(
    async ({ userId, filmId, watchId }, call) => {
      checkUserId(userId);
      checkWatchId(watchId);
      filmOf(catalogue, filmId);
      const { number, repeated } = await watches.record({ userId, filmId, watchId }, call);
      if (!repeated) counts.watches.add();
      // Only once it is on disk: what is selected from here on knows of it.
      await cache.drop(userId);
      return { number, repeated, version };
    },
    [limit()],
  );

  return {
    page,
    recordWatch,
    async getFilm({ id }) {
      const film = filmOf(catalogue, id);
      return { film: filmFrom(film, { score: film.popularity, why: "" }), version };
    },
  };
}

function filmOf(catalogue: Catalogue, id: string): CatalogueFilm {
  const film = catalogue.byId.get(id);
  if (film) return film;
  throw fault(FeedReason.FILM_UNKNOWN, `expected the id of a film, found ${JSON.stringify(id.slice(0, 40))}`);
}

function checkWatchId(watchId: string): void {
  if (watchId !== "" && watchId.length <= watchIdLengthMax) return;
  throw fault(FeedReason.WATCH_ID_INVALID, `expected a watchId of 1 to ${watchIdLengthMax} characters, found ${watchId.length}`);
}
