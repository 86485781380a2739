import { fault } from "@weir/kit/fault";
import type { Catalogue } from "./catalogue.ts";
import type { Neighbours } from "./neighbours.ts";
import { createRecall } from "./recall.ts";
import type { RecallHandlers } from "./recall.weir.ts";
import { RecallReason } from "./recall.weir.ts";

/** Recall for whoever asks over the wire. Throws CATALOGUE_DIFFERS and PLACE_UNKNOWN. */
export function createRecallService(catalogue: Catalogue, neighbours: Neighbours): RecallHandlers {
  const recall = createRecall(catalogue, neighbours);
  const { fingerprint, films } = catalogue;
  return {
    async findCandidates({ catalogue: asked, userId, watched }) {
      if (asked !== fingerprint)
        throw fault(RecallReason.CATALOGUE_DIFFERS, `expected the catalogue ${fingerprint}, found ${JSON.stringify(asked.slice(0, 40))}`);
      const unknown = watched.find((place) => place >= films.length);
      if (unknown !== undefined)
        throw fault(RecallReason.PLACE_UNKNOWN, `expected places below ${films.length} as watched, found ${unknown}`);
      return recall({ userId, watched: Uint16Array.from(watched) });
    },
  };
}
