import { implement } from "@weir/kit";
import { createAdminPages } from "@weir/kit/app/admin-pages";
import { createCaches } from "@weir/kit/cache/caches";
import type { Clock } from "@weir/kit/clock";
import { createFlows } from "@weir/kit/flow/flows";
import { createClient } from "@weir/kit/rpc/client";
import { createMetrics } from "@weir/kit/telemetry/metrics";
import type { Metrics } from "@weir/kit/telemetry/metrics";
import { createTestTransport } from "@weir/kit/testing/transport";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import type { VirtualClock } from "@weir/kit/testing/virtual-clock";
import type { Catalogue } from "../catalogue.ts";
import { loadCatalogue } from "../catalogue.ts";
import { createFeed } from "../feed.ts";
import type { FeedOptions } from "../feed.ts";
import type { FeedClient, Film } from "../feed.weir.ts";
import { Feed } from "../feed.weir.ts";
import type { Neighbours } from "../neighbours.ts";
import { createNeighbours } from "../neighbours.ts";
import { createRecall } from "../recall.ts";
import { createWatchWriter } from "../watch-writer.ts";
import { Watches } from "../watches.ts";

/** The films, read once for all tests of a file. */
export const catalogue: Catalogue = await loadCatalogue();

/** Their neighbours. */
export const neighbours: Neighbours = await createNeighbours(catalogue);

/** What a test may choose. */
export interface TestFeedOptions {
  /** Default "v1". */
  readonly version?: string;
  /** Shared with another feed. Default one of its own, in memory. */
  readonly watches?: Watches;
  /** Default in this process. */
  readonly recall?: FeedOptions["recall"];
  /** Default without bound. */
  readonly requestsPerSecond?: number;
}

/** A feed that is called in memory through the real stack, on a clock that stands still. */
export interface TestFeed {
  readonly client: FeedClient;
  readonly clock: VirtualClock;
  readonly metrics: Metrics;
  readonly watches: Watches;
  /** Watches a film under an id made of its own. */
  watch(userId: string, filmId: string): Promise<void>;
  /** All films of a walk over pages of `size`, from `cursor` on. */
  walk(userId: string, options?: { size?: number; cursor?: string }): Promise<Film[]>;
}

/** Makes one. */
export async function createTestFeed(options: TestFeedOptions = {}): Promise<TestFeed> {
  const { version = "v1", requestsPerSecond = 1e9 } = options;
  const clock = createVirtualClock();
  const metrics = createMetrics();
  const watches = options.watches ?? (await openTestWatches(clock));
  const find = createRecall(catalogue, neighbours);
  const recall = options.recall ?? (async (taste) => find(taste));
  const shared = { metrics, admin: createAdminPages(), clock };
  const { record } = createWatchWriter({ watches, flows: createFlows(shared) });
  const used = { of: (userId: string) => watches.of(userId), record };
  const handlers = createFeed({
    version,
    catalogue,
    recall,
    watches: used,
    caches: createCaches(shared),
    metrics,
    clock,
    requestsPerSecond,
  });
  const client = createClient(Feed, createTestTransport([implement(Feed, handlers)], { clock }));
  return {
    client,
    clock,
    metrics,
    watches,
    async watch(userId, filmId) {
      await client.recordWatch({ userId, filmId, watchId: `watch of ${filmId}`.slice(0, 64) });
    },
    async walk(userId, { size = 10, cursor = "" } = {}) {
      const films: Film[] = [];
      do {
        const page = await client.page({ userId, cursor, size });
        films.push(...page.films);
        cursor = page.nextCursor;
      } while (cursor !== "");
      return films;
    },
  };
}

/** Watches that are kept in memory, or in a file. */
export function openTestWatches(clock: Clock, file: string = ":memory:"): Promise<Watches> {
  return Watches.open({ url: `sqlite:${file}`, clock });
}
