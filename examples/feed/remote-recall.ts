import { faultFrom } from "@weir/kit/fault";
import type { Service } from "@weir/kit/service";
import type { Counter, Labelled } from "@weir/kit/telemetry/metrics";
import type { Candidates } from "./candidates.ts";
import type { Catalogue } from "./catalogue.ts";
import { createRecall } from "./recall.ts";
import type { Taste } from "./recall.ts";
import type { RecallClient } from "./recall.weir.ts";

/** What `createRemoteRecall` works with. */
export interface RemoteRecallOptions {
  readonly client: RecallClient;
  readonly catalogue: Catalogue;
  /** Counted up by each selection that recall has no part in. */
  readonly fallbacks: Labelled<Counter>;
}

/**
 * Recall by another process. While it cannot be had, pages are made of what is popular and what there is to discover, which needs no
 * neighbours: a page that is less to the user's taste is better than none. How often that happens is counted by reason.
 */
export function createRemoteRecall({ client, catalogue, fallbacks }: RemoteRecallOptions): Service<Taste, Candidates> {
  const withoutNeighbours = createRecall(catalogue, { count: 0, films: new Uint16Array(), likeness: new Float32Array() });
  return async (taste, call) => {
    try {
      const watched = Array.from(taste.watched);
      return await client.findCandidates({ catalogue: catalogue.fingerprint, userId: taste.userId, watched }, call);
    } catch (thrown) {
      // Whoever no longer waits needs no page.
      if (call.ended) throw thrown;
      fallbacks.labels(faultFrom(thrown).reason).add();
      return withoutNeighbours(taste);
    }
  };
}
