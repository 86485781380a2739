import type { Call, Peer } from "@weir/kit/call";
import type { Service } from "@weir/kit/service";
import type { BodyStream, Client, ClientResponse, Exchange, RequestOptions } from "@weir/wire";
import { over, type Passage } from "../passage.ts";
import { followedRpc, rpcAnswer } from "../rpc/answer.ts";
import { isOpenEnded } from "../rpc/form.ts";
import { upgradeAnswer, upgradeRequest } from "../streams/upgrade.ts";
import { tunnel, type Tunnels } from "../streams/tunnel.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { tellTimeLeft } from "./deadline.ts";

/** A client at the other end of wire's exchange, which tells when it goes away. */
export interface ClientPeer extends Peer {
  readonly exchange: Exchange;
}

/**
 * Asks the endpoint that was chosen. The time that is left holds up to the head of the answer, for an RPC up to its end;
 * else each silence of a body is bounded. When the client goes away, so does the request. Interim answers pass at once.
 */
export function send(): Service<Passage, ClientResponse> {
  return (passage, call) => {
    const endpoint = passage.endpoint as Endpoint;
    const leftMs = Math.max(1, passage.deadlineMs - passage.attemptedMs);
    if (passage.upgrade !== undefined) return sendUpgrade(passage, call, leftMs);
    if (passage.rpc !== undefined) return sendCall(passage, call, leftMs);
    // Each protocol costs least when it need not be changed on the way.
    const client = endpoint.grpcOnly || (passage.http2 && endpoint.http2) ? endpoint.clients.multiplexed : endpoint.clients.plain;
    return client.request(passage, plainOptions(call, leftMs));
  };
}

async function sendCall(passage: Passage, call: Call, leftMs: number): Promise<ClientResponse> {
  const timeoutMs = leftMs === Infinity ? undefined : leftMs;
  tellTimeLeft(passage, leftMs);
  // A unary call of Connect is a plain POST, whose answer may not be silent for ever.
  const options: RequestOptions = isOpenEnded(passage.rpc)
    ? { headerTimeoutMs: leftMs, timeoutMs, bodyIdleMs: Infinity, ...tiedTo(call) }
    : { headerTimeoutMs: leftMs, timeoutMs: passage.callersDeadline ? timeoutMs : undefined, ...tiedTo(call) };
  return rpcAnswer(await clientOf(passage).request(passage, options), passage);
}

/** gRPC needs HTTP/2; the others get it where it is spoken, since PING tells a quiet endpoint from a lost one. */
function clientOf({ rpc, http2, endpoint }: Passage): Client {
  const { clients, http2: speaksIt, grpcOnly } = endpoint as Endpoint;
  const wanted = rpc === "grpc" || grpcOnly || (speaksIt && (http2 || isOpenEnded(rpc)));
  return wanted ? clients.multiplexed : clients.plain;
}

async function sendUpgrade(passage: Passage, call: Call, headerTimeoutMs: number): Promise<ClientResponse> {
  const request = upgradeRequest(passage);
  const { clients } = passage.endpoint as Endpoint;
  const response = await clients.sessions.request(request.message, { headerTimeoutMs, ...tiedTo(call) });
  return upgradeAnswer(response, request, passage);
}

/** Put together at once: every plain request has them. */
function plainOptions(call: Call, headerTimeoutMs: number): RequestOptions {
  const { exchange } = call.peer as Partial<ClientPeer>;
  if (exchange === undefined) return { headerTimeoutMs, signal: call.signal };
  return { headerTimeoutMs, onCancel: (listener) => exchange.onCancel(listener), interimTo: exchange };
}

function tiedTo(call: Call): RequestOptions {
  const { exchange } = call.peer as Partial<ClientPeer>;
  if (exchange === undefined) return { signal: call.signal };
  return { onCancel: (listener) => exchange.onCancel(listener), interimTo: exchange };
}

/**
 * An answer that is not whole, so that the passage hears of its end. Chunks are passed on one by one: nobody reads from
 * the endpoint while the client does not. An upgrade that the endpoint accepts joins both connections.
 */
export function followed(response: ClientResponse, passage: Passage, tunnels: Tunnels): ClientResponse {
  const { status, headers, duplex, lengthOfGet } = response;
  if (duplex !== undefined) {
    return { status, headers, takeOver: (client) => void tunnel({ client, endpoint: duplex }, { passage, tunnels }) };
  }
  const stream = response.body as BodyStream;
  if (isOpenEnded(passage.rpc)) return { status, headers, body: followedRpc(stream, passage) };
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
