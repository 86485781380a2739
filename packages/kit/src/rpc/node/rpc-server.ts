import type { Exchange, HttpRequest, HttpResponse } from "@weir/wire";
import type { Logger } from "../../call.ts";
import { Call } from "../../call.ts";
import type { Clock } from "../../clock.ts";
import type { MethodDescriptor } from "../../contract/contract.ts";
import type { Fault, FaultDetail } from "../../fault.ts";
import { codes, fault, faultFrom } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { Message, Service } from "../../service.ts";
import { childSpan, traceFromTraceparent } from "../../telemetry/trace-context.ts";
import type { RouteTrie } from "../route-trie.ts";
import { untilEnded } from "../until-ended.ts";
import type { DeadlineQueue } from "./deadline-queue.ts";
import type { Compressor } from "../compression.ts";
import type { Refusing } from "./dialect.ts";
import type { Encoding, MethodCodec } from "./method-codec.ts";
import type { RequestHead } from "./request-head.ts";
import type { RestRoute } from "./rest-route.ts";
import type { SocketRoutes } from "./serve-socket.ts";

/** Everything that is settled at start: limits, and the methods by their paths. */
export interface RpcServer {
  readonly clock: Clock;
  readonly log: Logger;
  /** Domain of reasons where no service has been reached: "weir", or "" when they are not to travel. */
  readonly domain: string;
  readonly streamTimeoutMsMax: number;
  readonly requestBytesMax: number;
  readonly responseBytesMax: number;
  readonly compressors: readonly Compressor[];
  readonly compressBytesMin: number;
  /** By Connect path. */
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly routes: RouteTrie<RestRoute>;
  /** Rules of methods whose requests stream: they are carried by WebSocket. */
  readonly sockets: SocketRoutes;
}

/** A method with all layers around it. */
export interface ServedMethod {
  readonly descriptor: MethodDescriptor;
  readonly service: Service<Message<unknown>, Message<unknown>>;
  /** Full name of the service: the domain of its reasons. "" when they are not to travel. */
  readonly domain: string;
  /** For unary calls. */
  readonly timeoutMsMax: number;
  readonly deadlines: DeadlineQueue;
  readonly codecs: Readonly<Record<Encoding, MethodCodec>>;
  /** HTTP methods over Connect: GET only when the contract says that the method has no side effects. */
  readonly connectVerbs: readonly string[];
}

/** One request, with what was found out about it. */
export interface Asked {
  readonly server: RpcServer;
  readonly method: ServedMethod;
  readonly request: HttpRequest;
  readonly exchange: Exchange;
  readonly head: Readonly<RequestHead>;
  /** What the caller gives the call; Infinity until its protocol has said. */
  timeoutMs: number;
}

/** The Call of a request. A trace is continued under a span of its own. */
export function callFrom(asked: Asked, timeoutMs: number): Call {
  const { server, request, head } = asked;
  const trace = head.traceparent === undefined ? undefined : traceFromTraceparent(head.traceparent);
  return new Call({
    method: asked.method.descriptor.path,
    timeoutMs: timeoutMs === Infinity ? undefined : timeoutMs,
    metadata: request.headers,
    peer: { address: asked.exchange.peerAddress, identity: asked.exchange.identity },
    trace: trace && childSpan(trace, server.clock),
    log: server.log,
    clock: server.clock,
  });
}

/** The Fault of anything thrown while serving. What nobody planned for is logged with its cause, under the id in the message. */
export function faultToAnswer(thrown: unknown, server: RpcServer, method: string): Fault {
  const caught = faultFrom(thrown);
  const found = isWhole(caught) ? caught : faultFrom(new Error("Expected a whole Fault, found only its brand.", { cause: thrown }));
  if (found.code === "INTERNAL" || found.code === "UNKNOWN" || found.code === "DATA_LOSS") {
    server.log.error(found.message, { method, reason: found.reason, cause: textFromThrown(found.cause ?? found) });
  }
  return found;
}

/** Whether it can be written: the brand is all that another copy of the package has promised. */
function isWhole({ code, reason, message, details }: Fault): boolean {
  if (!Object.hasOwn(codes, code) || typeof reason !== "string" || typeof message !== "string" || !Array.isArray(details)) return false;
  return details.every((detail: unknown) => typeof (detail as FaultDetail | undefined)?.typeName === "string");
}

/**
 * What is thrown while serving, as its protocol says it. Metadata that a handler added and that cannot be written is left out then, and
 * logged: an answer there has to be.
 */
export function refusalFrom(
  thrown: unknown,
  asked: Asked,
  { dialect, call }: { readonly dialect: Refusing; readonly call: Call },
): HttpResponse {
  const { server, method } = asked;
  const found = faultToAnswer(thrown, server, call.method);
  try {
    return dialect.refuse(found, { domain: method.domain, call });
  } catch (worse) {
    faultToAnswer(worse, server, call.method);
    return dialect.refuse(found, { domain: method.domain });
  }
}

/**
 * A request as its handler gets it. Over HTTP/1.1 nothing ends a body whose client says no more once its call has been answered, since the
 * connection may be kept; whoever waits for it is told that the call has ended. Over HTTP/2 wire does that.
 */
export function requestUntilEnded(message: Message<unknown>, { exchange }: Asked, call: Call): Message<unknown> {
  return message.stream && exchange.version !== "2" ? { stream: true, messages: untilEnded(message.messages, call) } : message;
}

/** Refuses answers that are larger than the server may send. */
export function checkAnswerBytes(bytes: number, asked: Asked): void {
  if (bytes <= asked.server.responseBytesMax) return;
  throw fault(
    kitReasons.RESPONSE_TOO_LARGE,
    `Expected ${asked.method.descriptor.path} to answer at most ${asked.server.responseBytesMax} bytes, found ${bytes}.`,
  );
}

function textFromThrown(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
