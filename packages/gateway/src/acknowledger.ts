import type { SnapshotsClient } from "@weir/api/snapshots";
import type { Logger } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { faultFrom } from "@weir/kit/fault";
import type { Acknowledgement } from "./snapshot-holder.ts";

/** Tells control what became of Snapshots, one at a time, beside the subscription. */
export interface Acknowledger {
  /** The newest is owed; `again` also when it has been told before, for a control that may not know of it. */
  owe(acknowledgement: Acknowledgement | undefined, again: boolean): void;
  /** Pays what is owed, unless that is under way. Never rejects: what fails is tried again with the next beat. */
  pay(signal: AbortSignal): void;
}

/** What an acknowledger works with. */
export interface AcknowledgerOptions {
  readonly client: SnapshotsClient;
  /** Name of this data plane. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const acknowledgeMs = 3000;

/** Owes nothing yet. */
export function createAcknowledger(options: AcknowledgerOptions): Acknowledger {
  const { client, name, clock, log } = options;
  let owed: Acknowledgement | undefined;
  let told: Acknowledgement | undefined;
  let paying = false;

  async function tell(acknowledgement: Acknowledgement): Promise<void> {
    const { epoch, revision } = acknowledgement.snapshot;
    const request = { dataPlane: name, epoch, revision, refusals: [...acknowledgement.refusals] };
    try {
      await client.acknowledge(request, { timeoutMs: acknowledgeMs, clock });
    } catch (thrown) {
      // Control does not want to hear of this revision; it never will.
      if (faultFrom(thrown).code !== "INVALID_ARGUMENT") throw thrown;
      log.warn("control does not take the acknowledgement", { epoch, revision, error: faultFrom(thrown).message });
    }
    told = acknowledgement;
    if (owed === acknowledgement) owed = undefined;
  }
  async function payAll(signal: AbortSignal): Promise<void> {
    paying = true;
    try {
      while (owed !== undefined && !signal.aborted) await tell(owed);
    } catch (thrown) {
      log.warn("acknowledgement failed; tried again with the next beat", { error: faultFrom(thrown).message });
    } finally {
      paying = false;
    }
  }
  return {
    owe(acknowledgement, again) {
      if (acknowledgement !== undefined && (again || acknowledgement !== told)) owed = acknowledgement;
    },
    pay(signal) {
      if (!paying) void payAll(signal);
    },
  };
}
