import type { SnapshotsClient } from "@weir/api/snapshots";
import type { Logger } from "@weir/kit/call";
import { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { coreReasons, fault, faultFrom } from "@weir/kit/fault";
import type { Daemon } from "@weir/kit/service";
import { createAcknowledger } from "./acknowledger.ts";
import type { SnapshotHolder } from "./snapshot-holder.ts";

/** The line to control: Snapshots come in, acknowledgements go out. */
export interface ControlLink {
  /** Keeps the subscription until the signal aborts; reconnects by itself. */
  readonly run: Daemon;
  /** Whether something was heard within the last three seconds. */
  connected(): boolean;
}

/** What a link works with. */
export interface ControlLinkOptions {
  readonly client: SnapshotsClient;
  readonly holder: SnapshotHolder;
  /** Name of this data plane. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Control sends something every second; silence this long means that the line is dead although nobody said so. */
const silenceMsMax = 3000;
const backoffMs = 100;
const backoffMsMax = 5000;

/**
 * A link that is not yet connected. Each Snapshot is stored, applied, then acknowledged. While control is gone the
 * gateway serves by the Snapshot it holds; attempts to reconnect are at most 5 s apart, jittered, so that many gateways
 * do not come at once.
 */
export function createControlLink(options: ControlLinkOptions): ControlLink {
  const { client, holder, name, clock, log } = options;
  let heardAtMs = -Infinity;
  let failures = 0;
  const acknowledger = createAcknowledger({ client, name, clock, log });

  /** Ends when control ends the stream or falls silent; rejects when it breaks. */
  async function subscribe(signal: AbortSignal): Promise<void> {
    const call = new Call({ clock });
    const stop = (): void => call.cancel(faultFrom(signal.reason));
    const silence = (): void => call.cancel(fault(coreReasons.DEADLINE_EXCEEDED, `Expected to hear of control within ${silenceMsMax} ms.`));
    let unwatch = clock.after(silenceMsMax, silence);
    signal.addEventListener("abort", stop, { once: true });
    try {
      const { epoch, revision } = holder.confirmed();
      const messages = client.subscribe({ dataPlane: name, epoch, revision }, call);
      let first = true;
      for await (const message of messages) {
        unwatch();
        heard();
        // Waiting for the disk is not control's silence. A control that has just started may not know what we hold.
        const settled = message.snapshot === undefined ? await holder.settle() : await holder.take(message.snapshot);
        acknowledger.owe(settled, first);
        acknowledger.pay(signal);
        first = false;
        unwatch = clock.after(silenceMsMax, silence);
      }
    } finally {
      unwatch();
      signal.removeEventListener("abort", stop);
      call.finish();
    }
  }
  function heard(): void {
    if (failures > 0 || heardAtMs === -Infinity) log.info("connected to control");
    failures = 0;
    heardAtMs = clock.monotonicMs();
  }
  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await subscribe(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        if (failures === 0) log.warn("control is out of reach; serving by the held snapshot", { error: faultFrom(thrown).message });
      }
      failures++;
      heardAtMs = Math.min(heardAtMs, clock.monotonicMs() - silenceMsMax);
      const capMs = Math.min(backoffMs * 2 ** Math.min(failures, 16), backoffMsMax);
      await clock.sleep(capMs * (0.5 + clock.random() / 2), signal).catch(() => undefined);
    }
  }
  return { run, connected: () => clock.monotonicMs() - heardAtMs < silenceMsMax };
}
