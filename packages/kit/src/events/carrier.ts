import type { EventRecord } from "./event-record.ts";

/** An event at its place in a partition. */
export interface CarriedEvent extends EventRecord {
  /** Rises within a partition; there may be gaps. */
  readonly position: number;
}

/** A share of a topic that one member of a group reads at a time. Events of one key are all in one partition. */
export interface Partition {
  readonly topic: string;
  readonly index: number;
  /**
   * The events after those fetched before, at most `countMax`, in order. Waits for one; empty when none came in about a second.
   * Begins after what was committed last. Rejects when the partition is another's now, or the carrier is away.
   */
  fetch(countMax: number): Promise<readonly CarriedEvent[]>;
  /** Everything up to this position is done: whoever reads the partition next begins after it. Rejects like `fetch`. */
  commit(position: number): Promise<void>;
}

/** How a group reads topics. */
export interface ReadOptions {
  /** Each group gets each event once; its members share the partitions. */
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a group begins that is new. Default "earliest". */
  readonly from?: "earliest" | "latest";
  /** Aborts to leave the group. */
  readonly signal: AbortSignal;
  /**
   * Reads one partition until the signal aborts: because it goes to another member, or the reader stops. Nobody else gets the
   * partition before this has settled, for at most ten seconds. When it rejects it is called again after a pause.
   */
  readonly read: (partition: Partition, signal: AbortSignal) => Promise<void>;
}

/** How far behind a group is in a topic. */
export interface Lag {
  readonly topic: string;
  /** Events that were not committed yet. */
  readonly events: number;
  /** Age of the oldest of them; 0 when there is none. */
  readonly oldestMs: number;
}

/** What carries events from those who publish to those who consume. */
export interface Carrier {
  /**
   * Resolves once all are kept for good. In doubt they may be published again: who reads tells them apart by their id. Events of one
   * key keep the order in which they are given. Rejects with a Fault: UNAVAILABLE to try again, EVENT_INVALID when that is in vain.
   */
  publish(records: readonly EventRecord[]): Promise<void>;
  /** Reads for a group until the signal aborts; resolves then. Rejects with CARRIER_CLOSED. */
  read(options: ReadOptions): Promise<void>;
  /** How far behind a group is. */
  lag(group: string, topics: readonly string[]): Promise<readonly Lag[]>;
  /** Lets go of connections, when it has some of its own. */
  close(): Promise<void>;
}
