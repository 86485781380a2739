import type { HttpResponse, WebSocketServer, WebSocketSession } from "@weir/wire";
import { createWebSocketServer } from "@weir/wire";
import { codes, fault } from "../../fault.ts";
import type { Call } from "../../call.ts";
import type { Fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { Message } from "../../service.ts";
import { timeoutMsFromHeader } from "../protocol-connect.ts";
import type { RouteLeaf, RouteTrie } from "../route-trie.ts";
import { addRoute, createRouteTrie } from "../route-trie.ts";
import { answerUntilEnded, leftIfLate, untilEnded } from "../until-ended.ts";
import { faultAnswer } from "./answer.ts";
import { faultText } from "./frames.ts";
import type { RestRoute, RestTarget } from "./rest-route.ts";
import { messageFromRest } from "./rest-route.ts";
import type { Asked } from "./rpc-server.ts";
import { callFrom, checkAnswerBytes, faultToAnswer } from "./rpc-server.ts";

/** Rules that WebSocket carries, and the sessions that they opened. */
export interface SocketRoutes {
  readonly routes: RouteTrie<RestRoute>;
  readonly sessions: WebSocketServer;
}

/** Stands for the HTTP method of a rule: a handshake is GET over HTTP/1.1 and CONNECT over HTTP/2, whatever the rule says. */
export const socketVerb = "WEBSOCKET";

/** No routes yet. Pages of the same host may open sessions, and those of `corsOrigins`. */
export function createSocketRoutes(options: { readonly requestBytesMax?: number; readonly corsOrigins?: readonly string[] }): SocketRoutes {
  const { requestBytesMax = 4 * 1024 * 1024, corsOrigins = [] } = options;
  const limits = { messageBytesMax: requestBytesMax, frameBytesMax: requestBytesMax };
  const origins = (origin: string, { authority }: { readonly authority: string }): boolean =>
    corsOrigins.includes("*") || corsOrigins.includes(origin) || URL.parse(origin)?.host === authority;
  return { routes: createRouteTrie(), sessions: createWebSocketServer({ limits, origins }) };
}

/** Whether requests of a rule come as a stream of messages, and not as the pieces of one body. */
export function carriedBySocket({ method, rule }: RestRoute): boolean {
  if (rule.rawBody === true) return false;
  return method.descriptor.kind === "client_stream" || method.descriptor.kind === "bidi_stream";
}

/** Adds a rule. Throws ROUTE_CONFLICT. */
export function addSocketRoute(sockets: SocketRoutes, leaf: RouteLeaf<RestRoute>): void {
  addRoute(sockets.routes, socketVerb, leaf);
}

/**
 * Answers the handshake of a method whose requests stream. Then each text message of the client is a request message as JSON (or the
 * field that the rule has as body; what path and query say holds for every one), and the empty text ends its stream; each of ours is `{"result": message}`, and
 * the last of a call that failed `{"error": …}`. We close with 1000, or with the close code of the Fault and its reason. A client that
 * closes cancels the call.
 */
export function serveSocket(asked: Asked, target: RestTarget): HttpResponse {
  const { head, server, method } = asked;
  try {
    if (head.timeoutMs !== undefined) asked.timeoutMs = timeoutMsFromHeader(head.timeoutMs);
  } catch (thrown) {
    return faultAnswer(faultToAnswer(thrown, server, method.descriptor.path), { rest: true, domain: method.domain });
  }
  const begin = async (session: WebSocketSession): Promise<void> => {
    try {
      await converse(session, asked, target);
    } catch (thrown) {
      faultToAnswer(thrown, server, method.descriptor.path);
      session.destroy();
    }
  };
  return server.sockets.sessions.accept(asked.request, (session) => void begin(session));
}

async function converse(session: WebSocketSession, asked: Asked, target: RestTarget): Promise<void> {
  const call = callFrom(asked, Math.min(asked.timeoutMs, asked.server.streamTimeoutMsMax));
  let isOver = false;
  void session.whenClosed.then(() => {
    if (!isOver) call.cancel();
  });
  let failed: Fault | undefined;
  try {
    await answerAll(session, call, { asked, target });
  } catch (thrown) {
    failed = faultToAnswer(thrown, asked.server, call.method);
  }
  isOver = true;
  call.finish();
  // A client that takes nothing any more will not read why.
  if (failed) session.trySend(`{"error":${faultText(failed, asked.method.domain)}}`);
  await session.close(failed ? codes[failed.code].close : 1000, failed && closeReason(failed.reason));
}

const closeBytesMax = 123;

/** A reason as a close frame can hold it: 123 bytes of UTF-8 (RFC 6455 §5.5.1). */
function closeReason(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= closeBytesMax) return reason.toWellFormed();
  let end = closeBytesMax;
  // Not in the middle of a character.
  while (((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}

async function answerAll(
  session: WebSocketSession,
  call: Call,
  { asked, target }: { readonly asked: Asked; readonly target: RestTarget },
): Promise<void> {
  const input: Message<unknown> = { stream: true, messages: messagesFromSession(session, target) };
  const answer = await answerUntilEnded(answered(), call);
  const send = (message: unknown): Promise<void> => {
    const text = target.route.text(message);
    checkAnswerBytes(Buffer.byteLength(text), asked);
    return session.send(`{"result":${text}}`);
  };
  if (!answer.stream) return send(answer.message);
  for await (const message of untilEnded(answer.messages, call)) await send(message);

  async function answered(): Promise<Message<unknown>> {
    return leftIfLate(await asked.method.service(input, call), call);
  }
}

async function* messagesFromSession(
  session: WebSocketSession,
  { route, path, query }: RestTarget,
): AsyncGenerator<unknown, void, undefined> {
  for await (const data of session.messages) {
    if (data === "") return;
    if (typeof data !== "string") throw fault(kitReasons.CONTENT_TYPE_UNSUPPORTED, "Expected JSON in text messages, found a binary one.");
    yield messageFromRest(route, { path, query, bodyText: data });
  }
}
