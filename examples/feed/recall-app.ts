import type { App } from "@weir/kit";
import { Call, createApp, implement, systemClock } from "@weir/kit";
import type { Clock } from "@weir/kit/clock";
import type { Catalogue } from "./catalogue.ts";
import { loadCatalogue } from "./catalogue.ts";
import { createNeighbours } from "./neighbours.ts";
import { createRecallService } from "./recall-service.ts";
import type { RecallHandlers } from "./recall.weir.ts";
import { Recall } from "./recall.weir.ts";

/** What the process of recall is told. */
export interface RecallAppOptions {
  readonly version: string;
  readonly clock?: Clock;
}

const practiceRounds = 500;

/** Recall as an app of its own: catalogue, neighbours, practice, and then it takes calls. */
export function createRecallApp({ version, clock = systemClock }: RecallAppOptions): App {
  let catalogue: Catalogue;
  let recall: RecallHandlers;
  const service = implement(Recall, { findCandidates: (request, call) => recall.findCandidates(request, call) });
  const app = createApp({ name: "recall", version, services: [service], clock });
  const done = app.metrics.gauge({ name: "recall_neighbours_films", help: "Films whose neighbours are known." });
  return app
    .warmUp("catalogue", async () => {
      catalogue = await loadCatalogue();
    })
    .warmUp("neighbours", async (signal) => {
      const neighbours = await createNeighbours(catalogue, { signal, progress: (films) => done.set(films) });
      recall = createRecallService(catalogue, neighbours);
    })
    .warmUp("practice", async (signal) => {
      for (let round = 0; round < practiceRounds && !signal.aborted; round++) {
        const watched = [round, round * 2];
        await recall.findCandidates({ catalogue: catalogue.fingerprint, userId: `practice-${round}`, watched }, new Call({ clock }));
      }
    });
}
