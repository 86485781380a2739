import type { Body, BodyStream, HeaderList, HttpRequest, HttpResponse } from "@weir/wire";
import type { CompiledRoute } from "./compiled-route.ts";
import { keptTrailers, partHeaders, type Inbound } from "./http/inbound.ts";
import type { Cause } from "./reasons.ts";
import { grpcUnsaid } from "./rpc/codes.ts";
import type { RpcForm } from "./rpc/form.ts";
import { isCarrier } from "./streams/upgrade.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Endpoint } from "./upstream/endpoint.ts";

/**
 * One request on its way through the gateway: the request as the endpoint will see it, and what the layers have found
 * out about it. Each layer fills in what it stands for; the ones further in read it.
 */
export interface Passage extends HttpRequest {
  /** The headers that an endpoint will see. Layers add to them. */
  readonly headers: HeaderList;
  body: Body;
  readonly inbound: Inbound;
  readonly startedMs: number;
  /** How the call is spoken: by the client, and further in than the translation by the endpoint. Undefined: no RPC. */
  rpc: RpcForm | undefined;
  /** Whether the client speaks HTTP/2. */
  readonly http2: boolean;
  requestId: string;
  traceId: string;
  /** Believed address of the client, without port. */
  client: string;
  /** What the access log says of client and host. */
  clientText: string;
  route: CompiledRoute | undefined;
  /** -1 before it is known. */
  bucket: number;
  /** Where the next attempt goes. */
  cluster: Cluster | undefined;
  /** On the monotonic clock; Infinity before it is known, and when nobody set one. */
  deadlineMs: number;
  /** Whether that is the caller's own deadline, sooner than the route's: an endpoint that misses it need not be ill. */
  callersDeadline: boolean;
  /** Where in `headers` the time that is left is told; -1 for nowhere. */
  timeoutAt: number;
  /** Who is being asked, or has answered. */
  endpoint: Endpoint | undefined;
  attempts: number;
  /** When the present attempt began, and when it was answered; 0 before. */
  attemptedMs: number;
  answeredMs: number;
  /** Whether the stable version stands in for the user's own. */
  fallback: boolean;
  /** Set when the bytes of a streamed body have begun to flow: from then on the request cannot be sent again. */
  bodyTaken: boolean;
  /** Whether a streamed body is under way: as long as it is, silence may be the client's. */
  bodyFlowing: boolean;
  /** Who gives the reasons of refusals of calls; "" when they are not to travel. */
  readonly domain: string;
  /** What went wrong last, if anything did. */
  cause: Cause | undefined;
  bytesOut: number;
  /** Of an upgraded connection: what the client sent, and the code of its close. */
  session: SessionCount | undefined;
  /** The code that an RPC ended with; `grpcUnsaid` before it is known. */
  grpcCode: number;
  /** What the client was answered, and when the answer was over; 0 before. */
  status: number;
  endedMs: number;
  /** Whether the answer broke off in the middle. */
  broken: boolean;
  /** To be run once the answer is over; made when a streamed answer begins. */
  endings: Ending[] | undefined;
}

/** What went through an upgraded connection. */
export interface SessionCount {
  bytesIn: number;
  /** Code of the close frame of a WebSocket; 0 when there was none. */
  closeCode: number;
}

/** How an answer ended: in full, left by the client, or broken off by the endpoint (then `thrown` says how). */
export type AnswerEnd = { readonly kind: "whole" } | { readonly kind: "left" } | { readonly kind: "broken"; readonly thrown: unknown };

/** Told how an answer ended. */
export type Ending = (end: AnswerEnd) => void;

/** What is known at the door: when a request came, and how; the rest as the passage has it. */
export type PassageOptions = Pick<Passage, "startedMs" | "http2" | "domain">;

/** A request at the door. */
export function passageFrom(request: HttpRequest, { startedMs, http2, domain }: PassageOptions): Passage {
  const { kept, inbound, rpc } = partHeaders(request.headers);
  const passage: Passage = {
    method: request.method,
    target: request.target,
    authority: request.authority,
    headers: kept,
    body: request.body,
    upgrade: request.upgrade !== undefined && !http2 && isCarrier(request.upgrade) ? undefined : request.upgrade,
    inbound,
    startedMs,
    rpc: request.method === "POST" ? rpc : undefined,
    http2,
    requestId: "",
    traceId: "",
    client: "",
    clientText: '"',
    route: undefined,
    bucket: -1,
    cluster: undefined,
    deadlineMs: Infinity,
    callersDeadline: false,
    timeoutAt: -1,
    endpoint: undefined,
    attempts: 0,
    attemptedMs: 0,
    answeredMs: 0,
    fallback: false,
    bodyTaken: false,
    bodyFlowing: false,
    domain,
    cause: undefined,
    bytesOut: 0,
    session: undefined,
    grpcCode: grpcUnsaid,
    status: 0,
    endedMs: 0,
    broken: false,
    endings: undefined,
  };
  const { body } = passage;
  if (body !== undefined && !(body instanceof Uint8Array))
    passage.body = body.whole === undefined ? takenBody(body, passage) : wholeBody(body);
  return passage;
}

/** A body that is there already, with the trailers that may pass. */
function wholeBody(body: BodyStream): BodyStream {
  const { length, whole } = body;
  return { length, whole, trailers: () => keptTrailers(body.trailers?.()), [Symbol.asyncIterator]: () => body[Symbol.asyncIterator]() };
}

/** The same stream; remembers when somebody begins to read it, and when it has been read to its end. */
function takenBody(stream: BodyStream, passage: Passage): BodyStream {
  return {
    length: stream.length,
    trailers: () => keptTrailers(stream.trailers?.()),
    [Symbol.asyncIterator]() {
      const chunks = stream[Symbol.asyncIterator]();
      let left = false;
      passage.bodyTaken = true;
      passage.bodyFlowing = true;
      return {
        async next() {
          const result = await chunks.next();
          // Leaving ends a body too, but that is not its end.
          if (result.done === true && !left) passage.bodyFlowing = false;
          return result;
        },
        return() {
          left = true;
          return chunks.return?.() ?? Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
}

/** Whether an answer is complete as it stands, rather than a stream or a connection handed over. */
export function isWhole({ body, takeOver }: HttpResponse): boolean {
  return (body === undefined || body instanceof Uint8Array || body.whole !== undefined) && takeOver === undefined;
}

/** The bytes of an answer that is whole. */
export function wholeBytes({ body }: HttpResponse): Uint8Array | undefined {
  return body instanceof Uint8Array ? body : body?.whole;
}

/** Runs `ending` when the answer, which is not whole yet, is over. */
export function whenOver(passage: Passage, ending: Ending): void {
  (passage.endings ??= []).push(ending);
}

/** The answer is over: runs the endings, once. */
export function over(passage: Passage, outcome: AnswerEnd): void {
  const { endings } = passage;
  passage.endings = undefined;
  for (const ending of endings ?? []) ending(outcome);
}

/**
 * Whether the request may be sent a second time although the first may have been acted on: RFC 9110 §9.2.2. Calls of an RPC
 * are POSTs, of which only the route can say it.
 */
export function isRepeatable(passage: Passage): boolean {
  if (passage.bodyTaken) return false;
  if (passage.route?.idempotent === true) return true;
  switch (passage.method) {
    case "GET":
    case "HEAD":
    case "OPTIONS":
    case "PUT":
    case "DELETE":
      return true;
    default:
      return false;
  }
}
