import type { Logger } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Daemon, Layer, Message } from "@weir/kit/service";
import { controlReasons } from "../reasons.ts";
import type { Store } from "./store.ts";

/** Whether this control still owns its database. */
export interface Ownership {
  /** Refuses every call with CONTROL_SUPERSEDED once another control has taken over: callers then look for that one. */
  readonly layer: Layer<Message<unknown>, Message<unknown>>;
  /** Looks each second. */
  readonly watch: Daemon;
}

const lookEveryMs = 1000;

/** Watches over who owns the database; `onLost` runs once. A database that does not answer has been taken over by nobody. */
export function createOwnership(options: { store: Store; clock: Clock; log: Logger; onLost: () => void }): Ownership {
  const { store, clock, log, onLost } = options;
  let lost = false;
  return {
    layer: (next) => async (request, call) => {
      if (!lost) return await next(request, call);
      throw fault(controlReasons.CONTROL_SUPERSEDED, "Expected to own the database, found that another control has taken it over.");
    },
    async watch(signal) {
      while (!signal.aborted && !lost) {
        await clock.sleep(lookEveryMs, signal).catch(() => undefined);
        const owner = signal.aborted ? store.owner : await store.readOwner().catch(() => store.owner);
        if (owner === store.owner) continue;
        lost = true;
        log.error("another control has taken over the database; this one answers no more");
        onLost();
      }
    },
  };
}
