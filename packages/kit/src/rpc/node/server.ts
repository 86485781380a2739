import type { Exchange, HttpHandler, HttpRequest, HttpResponse } from "@weir/wire";
import type { Logger } from "../../call.ts";
import { Call } from "../../call.ts";
import type { Clock } from "../../clock.ts";
import { systemClock } from "../../clock.ts";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { Layer, Message } from "../../service.ts";
import { layered } from "../../service.ts";
import type { Compressor } from "../compression.ts";
import type { BoundMethod, Implementation } from "../implement.ts";
import { addRoute, createRouteTrie, findRoute } from "../route-trie.ts";
import type { FaultAnswerOptions } from "./answer.ts";
import { faultAnswer, headAnswer } from "./answer.ts";
import { contentTypeFrom } from "./content-types.ts";
import { withCors } from "./cors.ts";
import { DeadlineQueue } from "./deadline-queue.ts";
import { gzip } from "./gzip.ts";
import { createMethodCodecs } from "./method-codec.ts";
import { requestHeadFrom } from "./request-head.ts";
import type { RestRoute, RestTarget } from "./rest-route.ts";
import { createRestRoute } from "./rest-route.ts";
import type { Asked, RpcServer, ServedMethod } from "./rpc-server.ts";
import { faultToAnswer } from "./rpc-server.ts";
import { serveRest } from "./serve-rest.ts";
import { serveRpc } from "./serve-rpc.ts";
import { addSocketRoute, carriedBySocket, createSocketRoutes, serveSocket, socketVerb } from "./serve-socket.ts";

/** What `createRpcHandler` may be told; every field has a default. */
export interface RpcOptions {
  /**
   * Around every method of every service, outside the layers of `implement`; first outermost. The order to keep:
   * admission (shed) → authentication → rate → validation → handler. They guard unary calls and streams alike. Default none.
   */
  readonly layers?: readonly Layer<Message<unknown>, Message<unknown>>[];
  /**
   * Time for a unary call, and for the one message of a method that answers a stream to arrive. A caller's connect-timeout-ms and the
   * contract's own time can only shorten it. Default 30,000.
   */
  readonly timeoutMsMax?: number;
  /** Time for a whole stream. Default Infinity: streams live until either side ends them. */
  readonly streamTimeoutMsMax?: number;
  /** Bytes of a request message at most, REQUEST_TOO_LARGE. Default 4 MiB. */
  readonly requestBytesMax?: number;
  /** Bytes of an answered message at most, RESPONSE_TOO_LARGE. Default 4 MiB. */
  readonly responseBytesMax?: number;
  /** How messages may be compressed, the best first; both ways, and answers only when the client takes it. Default gzip; `[]` for none. */
  readonly compressors?: readonly Compressor[];
  /** Smaller messages of answers are not compressed. Default 1,024 bytes. */
  readonly compressBytesMin?: number;
  /** Origins of pages that may call, "*" for all. Default none. */
  readonly corsOrigins?: readonly string[];
  /** Answers paths that no method has, such as static pages. Default: 404 ROUTE_NOT_FOUND. */
  readonly fallback?: HttpHandler;
  /** Whether errors carry their stable reason as a google.rpc.ErrorInfo; callers who must not learn it see code and message alone. Default true. */
  readonly errorInfo?: boolean;
  /** Where unexpected failures are logged with their cause. Default nowhere. */
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** Answers requests, and holds the WebSocket sessions that it opened. */
export interface RpcHandler extends HttpHandler {
  /**
   * Opens no more sessions, closes all with 1001, which cancels their calls, and cuts what is left after `timeoutMs`. Beside the
   * server's own drain, which knows of connections only.
   */
  drain(timeoutMs: number): Promise<void>;
}

/**
 * Serves implementations as gRPC, gRPC-Web (binary and text), Connect (unary POST and GET, streams), each in protobuf and JSON, and as REST
 * by their google.api.http rules, on one port. Everything about a route is prepared here: throws ROUTE_CONFLICT or TEMPLATE_INVALID. The handler itself never rejects: every
 * failure is an answer with a code and a reason. OPTIONS lists the HTTP methods of a path, HEAD answers as GET without the body.
 */
export function createRpcHandler(implementations: readonly Implementation[], options: RpcOptions = {}): RpcHandler {
  const server = createServer(implementations, options);
  const handler: HttpHandler = (request, exchange) => {
    try {
      const answer = dispatch(server, request, exchange) ?? options.fallback?.(request, exchange);
      return answer ?? Promise.resolve(notFound(request, server));
    } catch (thrown) {
      return Promise.resolve(faultAnswer(faultToAnswer(thrown, server, request.target), { rest: true, domain: server.domain }));
    }
  };
  const { corsOrigins = [] } = options;
  const whole = corsOrigins.length > 0 ? withCors(handler, corsOrigins) : handler;
  const drain: RpcHandler["drain"] = (timeoutMs) => server.sockets.sessions.drain(timeoutMs);
  return Object.assign(whole, { drain });
}

/** Undefined when no method has the path. */
function dispatch(server: RpcServer, request: HttpRequest, exchange: Exchange): Promise<HttpResponse> | undefined {
  const { target } = request;
  const at = target.indexOf("?");
  const path = at === -1 ? target : target.slice(0, at);
  const query = at === -1 ? "" : target.slice(at + 1);
  const method = server.methods.get(path);
  if (method !== undefined) {
    const verbs = method.connectVerbs;
    if (!verbs.includes(request.method)) return Promise.resolve(otherMethods(request, verbs, { rest: false, domain: method.domain }));
    const answer = serveRpc(askedFrom(server, method, { request, exchange }), query);
    return request.method === "HEAD" ? answer.then(headAnswer) : answer;
  }
  if (request.upgrade !== undefined) return answerUpgrade(server, path, { request, exchange, query });
  const match = findRoute(server.routes, request.method === "HEAD" ? "GET" : request.method, path);
  if (match === undefined) return upgradeRequired(server, path);
  if (match.kind === "other_methods") {
    const verbs = match.allow.includes("GET") ? [...match.allow, "HEAD"].toSorted() : match.allow;
    return Promise.resolve(otherMethods(request, verbs, { rest: true, domain: server.domain }));
  }
  const { value: route } = match.leaf;
  const answer = answerRest(askedFrom(server, route.method, { request, exchange }), { route, path: match.path, query });
  return request.method === "HEAD" ? answer.then(headAnswer) : answer;
}

/** An upgrade to WebSocket: for methods whose requests stream. What else is asked for is for the fallback to know. */
function answerUpgrade(
  server: RpcServer,
  path: string,
  { request, exchange, query }: { readonly request: HttpRequest; readonly exchange: Exchange; readonly query: string },
): Promise<HttpResponse> | undefined {
  const match = request.upgrade === "websocket" ? findRoute(server.sockets.routes, socketVerb, path) : undefined;
  if (match?.kind !== "found") return undefined;
  const { value: route } = match.leaf;
  return Promise.resolve(serveSocket(askedFrom(server, route.method, { request, exchange }), { route, path: match.path, query }));
}

function upgradeRequired(server: RpcServer, path: string): Promise<HttpResponse> | undefined {
  if (findRoute(server.sockets.routes, socketVerb, path)?.kind !== "found") return undefined;
  const found = fault(
    kitReasons.UPGRADE_REQUIRED,
    "Expected an upgrade to WebSocket for this path, whose method takes a stream, found none.",
  );
  return Promise.resolve(faultAnswer(found, { rest: true, domain: server.domain }));
}

function askedFrom(
  server: RpcServer,
  method: ServedMethod,
  { request, exchange }: { readonly request: HttpRequest; readonly exchange: Exchange },
): Asked {
  return { server, method, request, exchange, head: requestHeadFrom(request.headers), timeoutMs: Infinity };
}

/** Answers what is thrown before the call begins: bad headers, bodies and messages. */
function answerRest(asked: Asked, target: RestTarget): Promise<HttpResponse> {
  try {
    return serveRest(asked, target);
  } catch (thrown) {
    const { server, method } = asked;
    return Promise.resolve(faultAnswer(faultToAnswer(thrown, server, method.descriptor.path), { rest: true, domain: method.domain }));
  }
}

function otherMethods(request: HttpRequest, verbs: readonly string[], options: FaultAnswerOptions): HttpResponse {
  const allow = [...verbs, "OPTIONS"].join(", ");
  if (request.method === "OPTIONS") return { status: 204, headers: ["allow", allow] };
  const found = fault(kitReasons.VERB_NOT_ALLOWED, `Expected ${verbs.join(" or ")} for this path, found ${request.method}.`);
  return faultAnswer(found, { ...options, headers: ["allow", allow] });
}

/** gRPC and Connect clients are told "unimplemented", as their specifications say; anybody else "not_found". */
function notFound(request: HttpRequest, server: RpcServer): HttpResponse {
  const head = requestHeadFrom(request.headers);
  const type = contentTypeFrom(head.contentType);
  const isConnect = head.protocolVersion !== undefined || (type?.protocol === "connect" && type.stream !== undefined);
  const isGrpc = request.method === "POST" && type !== undefined && type.protocol !== "connect";
  const reason = isConnect || isGrpc ? { ...kitReasons.ROUTE_NOT_FOUND, code: "UNIMPLEMENTED" as const } : kitReasons.ROUTE_NOT_FOUND;
  const found = fault(reason, `No method answers ${request.method} ${pathOf(request.target)}.`);
  if (isGrpc && type.stream) return type.stream.refuse(found, { domain: server.domain });
  const answer = faultAnswer(found, { rest: !isConnect, domain: server.domain });
  const withStatus = { ...answer, status: 404 };
  return request.method === "HEAD" ? headAnswer(withStatus) : withStatus;
}

function createServer(implementations: readonly Implementation[], options: RpcOptions): RpcServer {
  const methods = new Map<string, ServedMethod>();
  const routes = createRouteTrie<RestRoute>();
  const sockets = createSocketRoutes(options);
  for (const { descriptor, methods: bound } of implementations) {
    for (const method of bound) {
      const served = servedMethod(method, descriptor.typeName, options);
      if (methods.has(method.descriptor.path)) throw fault(kitReasons.ROUTE_CONFLICT, `${descriptor.typeName} is implemented twice.`);
      methods.set(method.descriptor.path, served);
      for (const rule of method.descriptor.http) {
        const route = createRestRoute(served, rule);
        const leaf = { template: route.template, value: route };
        if (carriedBySocket(route)) addSocketRoute(sockets, leaf);
        else addRoute(routes, rule.verb, leaf);
      }
    }
  }
  return {
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLog,
    domain: options.errorInfo === false ? "" : "weir",
    streamTimeoutMsMax: options.streamTimeoutMsMax ?? Infinity,
    requestBytesMax: options.requestBytesMax ?? 4 * 1024 * 1024,
    responseBytesMax: options.responseBytesMax ?? 4 * 1024 * 1024,
    compressors: options.compressors ?? [gzip],
    compressBytesMin: options.compressBytesMin ?? 1024,
    methods,
    routes,
    sockets,
  };
}

function servedMethod({ descriptor, service }: BoundMethod, domain: string, options: RpcOptions): ServedMethod {
  return {
    descriptor,
    service: layered(service, options.layers ?? []),
    domain: options.errorInfo === false ? "" : domain,
    timeoutMsMax: Math.min(descriptor.timeoutMs ?? Infinity, options.timeoutMsMax ?? 30_000),
    deadlines: new DeadlineQueue(options.clock ?? systemClock),
    codecs: createMethodCodecs(descriptor),
    connectVerbs: descriptor.kind === "unary" && descriptor.idempotency === "safe" ? ["GET", "HEAD", "POST"] : ["POST"],
  };
}

function pathOf(target: string): string {
  return target.split("?", 1)[0]?.slice(0, 200) ?? "";
}

const silentLog: Logger = new Call().log;
