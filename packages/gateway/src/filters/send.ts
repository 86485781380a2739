import type { Call, Peer } from "@weir/kit/call";
import type { Service } from "@weir/kit/service";
import { joinDuplexes, type BodyStream, type ByteDuplex, type ClientResponse, type Exchange, type RequestOptions } from "@weir/wire";
import { over, type Passage } from "../passage.ts";
import type { Endpoint } from "../upstream/endpoint.ts";

/** A client at the other end of wire's exchange, which tells when it goes away. */
export interface ClientPeer extends Peer {
  readonly exchange: Exchange;
}

/**
 * Asks the endpoint that was chosen. The time that is left holds up to the head of the answer; after that each silence of
 * a body is bounded. When the client goes away, so does the request.
 */
export function send(): Service<Passage, ClientResponse> {
  return (passage, call) => {
    const leftMs = Math.max(1, passage.deadlineMs - passage.attemptedMs);
    return (passage.endpoint as Endpoint).client.request(passage, requestOptions(call, leftMs));
  };
}

function requestOptions(call: Call, headerTimeoutMs: number): RequestOptions {
  const { exchange } = call.peer as Partial<ClientPeer>;
  if (exchange === undefined) return { headerTimeoutMs, signal: call.signal };
  return { headerTimeoutMs, onCancel: (listener) => exchange.onCancel(listener) };
}

/**
 * An answer that is not whole, so that the passage hears of its end. Chunks are passed on one by one: nobody reads from
 * the endpoint while the client does not. An upgrade that the endpoint accepts joins both connections.
 */
export function followed(response: ClientResponse, passage: Passage): ClientResponse {
  const { status, headers, duplex, lengthOfGet } = response;
  if (duplex !== undefined) {
    const takeOver = (client: ByteDuplex): void => {
      void joinDuplexes(client, duplex).finally(() => over(passage, { kind: "whole" }));
    };
    return { status, headers, takeOver };
  }
  const stream = response.body as BodyStream;
  const body: BodyStream = {
    length: stream.length,
    trailers: () => stream.trailers?.(),
    [Symbol.asyncIterator]: () => watched(stream[Symbol.asyncIterator](), passage),
  };
  return { status, headers, body, lengthOfGet };
}

/** The same chunks, counted; tells the passage when and how they end. */
function watched(chunks: AsyncIterator<Uint8Array>, passage: Passage): AsyncIterator<Uint8Array> {
  return {
    async next() {
      try {
        const result = await chunks.next();
        if (result.done === true) over(passage, { kind: "whole" });
        else passage.bytesOut += result.value.length;
        return result;
      } catch (thrown) {
        over(passage, { kind: "broken", thrown });
        throw thrown;
      }
    },
    async return() {
      over(passage, { kind: "left" });
      await chunks.return?.();
      return { done: true, value: undefined };
    },
  };
}
