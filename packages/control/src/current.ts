import type { Snapshot } from "@weir/api/snapshots";
import type { Logger } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import type { ControlState } from "./tables.ts";

/** The newest state and the Snapshot that it means, in memory. */
export interface Current {
  readonly state: ControlState;
  readonly snapshot: Snapshot;
  /** Reads the state anew. Calls that come while one reads share the next one. Never rejects: a read that failed is tried again. */
  refresh(): Promise<void>;
}

/** Where the state comes from and who is told. */
export interface CurrentOptions {
  readonly read: () => Promise<ControlState>;
  readonly translate: (state: ControlState) => Snapshot;
  /** Told of the first Snapshot and of every newer one. */
  readonly onSnapshot: (snapshot: Snapshot) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

const retryMs = 250;

/** Reads the state for the first time. Rejects with the Fault of the database. */
export async function createCurrent(options: CurrentOptions): Promise<Current> {
  const { read, translate, onSnapshot, clock, log } = options;
  let state = await read();
  let snapshot = translate(state);
  onSnapshot(snapshot);
  let reading: Promise<void> | undefined;
  let following: Promise<void> | undefined;

  async function readOnce(): Promise<void> {
    try {
      const next = await read();
      if (next.epoch === state.epoch && next.revision <= state.revision) return;
      snapshot = translate(next);
      state = next;
      onSnapshot(snapshot);
    } catch (error) {
      log.error("the state could not be read; data planes keep what they hold", { error });
      clock.after(retryMs, () => void refresh());
    }
  }

  function refresh(): Promise<void> {
    if (!reading) {
      reading = readOnce().finally(() => {
        reading = undefined;
      });
      return reading;
    }
    following ??= reading.then(() => {
      following = undefined;
      return refresh();
    });
    return following;
  }

  return {
    get state() {
      return state;
    },
    get snapshot() {
      return snapshot;
    },
    refresh,
  };
}
