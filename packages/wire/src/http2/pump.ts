import type { BodyStream } from "../http.ts";
import { WireError, type WireReason } from "../reasons.ts";
import { queuedBytesMax, type Stream } from "./stream.ts";

/** Who hears of the pumping of a body. */
export interface PumpOwner {
  /** Something has been queued on the stream, or its end. */
  queued(stream: Stream): void;
  /** The body broke, or is not as long as it said. */
  pumpFailed(stream: Stream, thrown: unknown): void;
}

/**
 * Moves a body into a stream's queue, a chunk whenever the queue is short: the body is pulled at the pace of the other
 * side's window and the socket. `reason` is what to call a body that is shorter or longer than it said.
 */
export async function pump(
  stream: Stream,
  body: BodyStream,
  options: { readonly owner: PumpOwner; readonly reason: WireReason },
): Promise<void> {
  const { owner, reason } = options;
  const expected = body.length ?? Infinity;
  let bytes = 0;
  try {
    const iterator = body[Symbol.asyncIterator]();
    stream.iterator = iterator;
    for (;;) {
      const { done, value } = await iterator.next();
      if (stream.over) return;
      if (done === true) break;
      bytes += value.length;
      if (bytes > expected) throw lengthError(expected, bytes, reason);
      stream.push(value);
      owner.queued(stream);
      if (stream.queuedBytes >= queuedBytesMax) await stream.room();
      if (stream.over) return;
    }
    if (body.length !== undefined && bytes !== expected) throw lengthError(expected, bytes, reason);
    stream.finish(body.trailers?.());
  } catch (thrown) {
    if (!stream.over) owner.pumpFailed(stream, thrown);
    return;
  }
  owner.queued(stream);
}

function lengthError(expected: number, found: number, reason: WireReason): WireError {
  return new WireError(reason, `expected a body of ${expected} bytes, found ${found > expected ? `at least ${found}` : String(found)}`);
}
