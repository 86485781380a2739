import type { Client, WireError } from "@weir/wire";
import type { Call, Metadata } from "../../call.ts";
import type { Send, SendAnswer, SendRequest } from "../http-send.ts";
import { ReplayBody } from "./replay-body.ts";

/** Refused streams that may be sent once more in a row; each call that succeeds gives back a tenth of one. */
const retriesMax = 100;
const retriesBack = 0.1;

/** REFUSED_STREAM, RFC 9113 §7. */
const refusedStream = 7;

/** What wire rejects with when the other side has not looked at the request, and another try may meet another connection. */
const unprocessed: ReadonlySet<string> = new Set(["UPSTREAM_STREAM_REFUSED", "CONNECTION_RESET", "CONNECTION_STALE"]);

/** A client of wire, or one that sends again by itself what may be sent again, such as a balanced one. */
export type SendClient = Client & { readonly repeats?: boolean };

/**
 * Sends over a client of wire. What has provably not been processed is sent once more: REFUSED_STREAM, a stream above the last one of a
 * GOAWAY, a connection that broke before a byte was written (RFC 9113 §8.7); so a call is sent twice at most. A budget bounds that when a
 * server refuses every stream. Nothing is sent again over a client that does so itself: tries must not multiply.
 */
export function createWireSend(client: SendClient, metadata: Metadata = []): Send {
  const repeats = client.repeats !== true;
  let retries = retriesMax;
  return (request, call) => {
    if (call.ended) return Promise.reject(call.ended);
    for (const item of metadata) request.headers.push(item);
    const { body } = request;
    if (body !== undefined && !(body instanceof Uint8Array)) return sendStream({ ...request, body: new ReplayBody(body) }, call);
    return ask(request, call).then(succeeded, (thrown: unknown) => {
      if (!mayRetry(thrown, call)) throw thrown;
      return ask(request, call);
    });
  };

  function ask(request: SendRequest, call: Call): Promise<SendAnswer> {
    return client.request(request, { onCancel: (listener) => call.onEnd(listener) });
  }

  async function sendStream(request: SendRequest & { readonly body: ReplayBody }, call: Call): Promise<SendAnswer> {
    const { body } = request;
    let failed = true;
    try {
      const answer = await ask(request, call).catch((thrown: unknown) => {
        if (!body.replayable || !mayRetry(thrown, call)) throw thrown;
        return ask(request, call);
      });
      failed = false;
      return succeeded(answer);
    } finally {
      body.settle(failed);
    }
  }

  function succeeded(answer: SendAnswer): SendAnswer {
    if (retries < retriesMax) retries += retriesBack;
    return answer;
  }

  function mayRetry(thrown: unknown, call: Call): boolean {
    const { sent, reason, http2Code } = (thrown ?? {}) as Partial<WireError>;
    if (!repeats || sent !== false || reason === undefined || !unprocessed.has(reason) || call.ended !== undefined) return false;
    // A connection that goes away refuses all its streams at once, and another takes them; a server that refuses a stream may be full.
    if (http2Code !== refusedStream) return true;
    if (retries < 1) return false;
    retries -= 1;
    return true;
  }
}
