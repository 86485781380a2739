import type { Call, CallKey } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import type { Service } from "@weir/kit/service";
import { joinDuplexes, type BodyStream, type ByteDuplex, type ClientResponse, type Exchange, type HttpResponse, type RequestOptions } from "@weir/wire";
import { isWhole, over, type Passage } from "../passage.ts";
import type { Endpoint } from "../upstream/endpoint.ts";

/** Under this key a call carries wire's view of the request: who is told when the client goes away. */
export const exchangeKey: CallKey<Exchange> = { name: "exchange" };

/**
 * Asks the endpoint. Small answers come whole, others are passed on chunk by chunk: nobody reads from the endpoint while
 * the client does not. An upgrade that the endpoint accepts joins both connections. The time that is left holds up to
 * the head of the answer; after that each silence of a body is bounded. When the client goes away, so does the request.
 */
export function send(clock: Clock): Service<Passage, HttpResponse> {
  return async (passage, call) => {
    const endpoint = passage.endpoint as Endpoint;
    const response = await endpoint.client.request(passage, requestOptions(call, passage.deadlineMs - clock.monotonicMs()));
    if (isWhole(response)) {
      if (response.body !== undefined) passage.bytesOut = response.body.length as number;
      return response;
    }
    passage.endings = [];
    return response.takeOver === undefined ? passedOn(response, passage) : joined(response, passage);
  };
}

function requestOptions(call: Call, leftMs: number): RequestOptions {
  const headerTimeoutMs = Math.max(1, leftMs);
  const exchange = call.get(exchangeKey);
  if (exchange === undefined) return { headerTimeoutMs, signal: call.signal };
  return { headerTimeoutMs, onCancel: (listener) => exchange.onCancel(listener) };
}

function passedOn(response: HttpResponse, passage: Passage): HttpResponse {
  const stream = response.body as BodyStream;
  const body: BodyStream = {
    length: stream.length,
    trailers: () => stream.trailers?.(),
    [Symbol.asyncIterator]: () => watched(stream[Symbol.asyncIterator](), passage),
  };
  return { status: response.status, headers: response.headers, body, lengthOfGet: response.lengthOfGet };
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

function joined(response: ClientResponse, passage: Passage): HttpResponse {
  return {
    status: response.status,
    headers: response.headers,
    takeOver(client: ByteDuplex) {
      if (response.duplex === undefined) return;
      void joinDuplexes(client, response.duplex).finally(() => over(passage, { kind: "whole" }));
    },
  };
}
