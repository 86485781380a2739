import type { App } from "@weir/kit";
import { Call, createApp, implement, systemClock } from "@weir/kit";
import type { Clock } from "@weir/kit/clock";
import type { Service } from "@weir/kit/service";
import { createAdminPages } from "@weir/kit/app/admin-pages";
import { createCaches } from "@weir/kit/cache/caches";
import { createFlows } from "@weir/kit/flow/flows";
import { createMetrics } from "@weir/kit/telemetry/metrics";
import type { Candidates } from "./candidates.ts";
import type { Catalogue } from "./catalogue.ts";
import { loadCatalogue } from "./catalogue.ts";
import { createRecallFallbacks } from "./feed-counts.ts";
import { createFeed } from "./feed.ts";
import type { FeedHandlers } from "./feed.weir.ts";
import { Feed } from "./feed.weir.ts";
import { createNeighbours } from "./neighbours.ts";
import { connectRecall } from "./recall-connection.ts";
import type { RecallConnection, RecallConnectionOptions } from "./recall-connection.ts";
import { createRecall } from "./recall.ts";
import type { Taste } from "./recall.ts";
import { createRemoteRecall } from "./remote-recall.ts";
import { createWatchWriter } from "./watch-writer.ts";
import type { WatchWriter } from "./watch-writer.ts";
import { Watches } from "./watches.ts";

/** What the feed's process is told. */
export interface FeedAppOptions {
  /** "v1" or "v2". */
  readonly version: string;
  /** Where watches are kept, "sqlite:<file>" or "postgres://…". */
  readonly databaseUrl: string;
  /** Where recall is asked over gRPC. Default: it works in this process. */
  readonly recall?: Pick<RecallConnectionOptions, "target" | "controlUrl" | "token">;
  readonly clock?: Clock;
}

/** The feed as an app, and how to let go of what its warm-up has opened. */
export interface FeedApp {
  readonly app: App;
  close(): Promise<void>;
}

const practiceRounds = 500;
/** A recall that is slow or away must not keep the feed from starting: it does without. */
const practiceMsMax = 3000;

/** An app that warms up in four steps: catalogue, recall, watches, practice. It takes no call before they are done. */
export function createFeedApp(options: FeedAppOptions): FeedApp {
  const { version, databaseUrl, clock = systemClock } = options;
  let catalogue: Catalogue;
  let recall: Service<Taste, Candidates>;
  let connection: RecallConnection | undefined;
  let watches: Watches | undefined;
  let writer: WatchWriter | undefined;
  let feed: FeedHandlers;
  const service = implement(Feed, {
    page: (request, call) => feed.page(request, call),
    getFilm: (request, call) => feed.getFilm(request, call),
    recordWatch: (request, call) => feed.recordWatch(request, call),
  });
  const app = createApp({ name: "feed", version, services: [service], clock });
  const done = app.metrics.gauge({ name: "feed_neighbours_films", help: "Films whose neighbours are known in this process." });
  const caches = createCaches({ ...app, clock });
  const flows = createFlows({ ...app, clock });
  const fallbacks = createRecallFallbacks(app.metrics);
  app
    .warmUp("catalogue", async () => {
      catalogue = await loadCatalogue();
    })
    .warmUp("recall", async (signal) => {
      if (options.recall) {
        connection = connectRecall({ ...options.recall, policies: app.policies.client("recall"), metrics: app.metrics, clock });
        recall = createRemoteRecall({ client: connection.client, catalogue, fallbacks });
        return;
      }
      const neighbours = await createNeighbours(catalogue, { signal, progress: (films) => done.set(films) });
      const find = createRecall(catalogue, neighbours);
      recall = async (taste) => find(taste);
    })
    .warmUp("watches", async () => {
      const opened = (watches = await Watches.open({ url: databaseUrl, clock }));
      writer = createWatchWriter({ watches: opened, flows });
      const used = { of: (userId: string) => opened.of(userId), record: writer.record };
      feed = createFeed({ version, catalogue, recall, watches: used, caches, metrics: app.metrics, clock });
    })
    .warmUp("practice", async (signal) => {
      // The first visitors should not wait for the compiler. What is counted and cached meanwhile is thrown away.
      const unseen = { metrics: createMetrics(), admin: createAdminPages(), clock };
      const reading = { of: (userId: string) => watches!.of(userId), record: writer!.record };
      const practised = createFeed({ ...unseen, version, catalogue, recall, watches: reading, caches: createCaches(unseen) });
      const endMs = clock.monotonicMs() + practiceMsMax;
      for (let round = 0; round < practiceRounds && !signal.aborted && clock.monotonicMs() < endMs; round++) {
        await practised.page({ userId: `practice-${round}`, cursor: "", size: 0 }, new Call({ clock }));
      }
    });
  return {
    app,
    async close() {
      await connection?.close();
      await writer?.close();
      await watches?.close();
    },
  };
}
