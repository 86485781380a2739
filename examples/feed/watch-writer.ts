import type { Call } from "@weir/kit/call";
import { fault, faultFrom } from "@weir/kit/fault";
import type { Channel } from "@weir/kit/flow/channel";
import type { Flows } from "@weir/kit/flow/flows";
import { FeedReason } from "./feed.weir.ts";
import type { RecordedWatch, Watch, Watches } from "./watches.ts";

/** Writes watches, many in one transaction. */
export interface WatchWriter {
  /**
   * Records a watch; it is on disk when this resolves. Rejects with WATCHES_WAITING_TOO_MANY when too many wait for the database, with
   * WATCH_ID_TAKEN, and as the database does.
   */
  record(watch: Watch, call: Call): Promise<RecordedWatch>;
  /** Takes no more, and writes what waits. */
  close(): Promise<void>;
}

/** Somebody who waits for a watch to be on disk. */
interface Waiting {
  readonly watch: Watch;
  readonly call: Call;
  readonly settled: PromiseWithResolvers<RecordedWatch>;
}

/** A database that is slow for longer than it takes to write these will not catch up by waiting. */
const waitingMax = 256;
const batchMax = 64;
const retryAfterMs = 1000;

/** One loop writes what waits in a bounded channel: a slow database makes batches larger, and a stuck one sheds instead of piling up. */
export function createWatchWriter({
  watches,
  flows,
}: {
  readonly watches: Pick<Watches, "recordAll">;
  readonly flows: Pick<Flows, "channel">;
}): WatchWriter {
  const channel = flows.channel<Waiting>({ name: "watches", capacity: waitingMax });
  const writing = writeAll(channel, watches);
  return {
    record(watch, call) {
      const settled = Promise.withResolvers<RecordedWatch>();
      if (channel.trySend({ watch, call, settled })) return settled.promise;
      const message = `expected at most ${waitingMax} watches to wait for the database, found one more`;
      return Promise.reject(fault(FeedReason.WATCHES_WAITING_TOO_MANY, message, { retryAfterMs }));
    },
    async close() {
      channel.close();
      await writing;
    },
  };
}

async function writeAll(channel: Channel<Waiting>, watches: Pick<Watches, "recordAll">): Promise<void> {
  for await (const first of channel) {
    const batch = [first];
    for (let next = channel.tryReceive(); next && !next.done; next = channel.tryReceive()) if (batch.push(next.value) === batchMax) break;
    await write(batch, watches);
  }
}

/** Settles everybody in the batch. Never rejects. */
async function write(batch: readonly Waiting[], watches: Pick<Watches, "recordAll">): Promise<void> {
  // Whoever has given up meanwhile may ask again under the same id.
  for (const { call, settled } of batch) if (call.ended) settled.reject(call.ended);
  const wanted = batch.filter(({ call }) => !call.ended);
  try {
    const results = wanted.length === 0 ? [] : await watches.recordAll(wanted.map(({ watch }) => watch));
    for (const [index, { settled }] of wanted.entries()) {
      const result = results[index]!;
      if (result instanceof Error) settled.reject(result);
      else settled.resolve(result);
    }
  } catch (thrown) {
    for (const { settled } of wanted) settled.reject(faultFrom(thrown));
  }
}
