import type { Transaction } from "kysely";
import type { Call, CallKey } from "@weir/kit/call";
import { fault } from "@weir/kit/fault";
import { controlReasons } from "./reasons.ts";
import type { ControlTables } from "./tables.ts";

/** What an act changed. It becomes one entry of the audit chain. */
export interface Change {
  /** "release/feed". */
  readonly resource: string;
  /** Before and after; undefined where there is none. */
  readonly from?: unknown;
  readonly to?: unknown;
  /** Why, in the words of who did it. */
  readonly reason: string;
  /** Who, when it is another than who began the act: control, for what follows by itself. */
  readonly actor?: string;
  /** What, when it is another act than the one that was begun: "Releases.BeginRelease". */
  readonly action?: string;
}

/**
 * An act under way: everything in it is committed together with its audit entries, or nothing is. Its body may run
 * again when another transaction was in the way, so it does nothing but query, and leaves the rest to `afterCommit`.
 */
export interface Write {
  readonly transaction: Transaction<ControlTables>;
  readonly actor: string;
  /** Adds an entry to the audit chain. An act that notes nothing has changed nothing and leaves no trace. */
  note(change: Change): void;
  /** The revision that this act makes: one more than before, however often it is asked for. */
  revise(): Promise<number>;
  /** Runs once the act is durable, never when it is not. */
  afterCommit(action: () => void): void;
}

/** Who begins an act, and with which method: "Releases.SetWeights". */
export interface Origin {
  readonly actor: string;
  readonly action: string;
  /** When given, the act is not begun once this call has ended. */
  readonly call?: Call | undefined;
}

/** Runs acts one after the other, each in one transaction with its audit entries. The only way to change anything. */
export type Writer = <R>(origin: Origin, body: (write: Write) => Promise<R>) => Promise<R>;

/** Under this key the audit Layer gives a handler its act. */
export const writeKey: CallKey<Write> = { name: "control.write" };

/** The act that a write method works in. Rejects with UNAUDITED when no audit Layer stands around the method. */
export function writeOf(call: Call): Write {
  const write = call.get(writeKey);
  if (!write) throw fault(controlReasons.UNAUDITED, `Expected an audit Layer around ${call.method}, found none.`);
  return write;
}

/** The actor that stands in the audit for what control does by itself. */
export const controlActor = "control";
