import { createHash, randomBytes } from "node:crypto";
import { headerValue, type HeaderList, type HttpRequest } from "../http.ts";
import { WireError, wireReasons, type WireReason } from "../reasons.ts";
import { acceptDeflate, agreedDeflate, deflateOffer, type DeflateAgreement, type DeflateSettings } from "./deflate-options.ts";
import { listOfExtensions, listOfProtocols } from "./extensions.ts";

/** Which pages may open sessions. */
export type OriginRule = "same" | "any" | readonly string[] | ((origin: string, request: HttpRequest) => boolean);

/** What a server may agree on. */
export interface HandshakeRules {
  /** Subprotocols that it speaks, the best first. */
  readonly protocols: readonly string[];
  readonly origins: OriginRule;
  readonly deflate: DeflateSettings | undefined;
}

/** What was agreed on, and the headers that say so. */
export interface Handshake {
  readonly status: 101 | 200;
  readonly headers: HeaderList;
  readonly protocol: string;
  readonly deflate: DeflateAgreement | undefined;
}

const version = "13";
const keyForm = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
const extensionsHeader = "sec-websocket-extensions";
const protocolHeader = "sec-websocket-protocol";

/**
 * The server's half of the opening handshake: GET with an upgrade (RFC 6455 §4.2), or an extended CONNECT (RFC 8441 §5),
 * which has no key. Throws a WireError with the status to answer.
 */
export function acceptHandshake(request: HttpRequest, rules: HandshakeRules): Handshake {
  const { headers } = request;
  const connect = request.method === "CONNECT";
  if (request.upgrade !== "websocket" || (!connect && (request.method !== "GET" || request.body !== undefined))) {
    throw refused(wireReasons.WEBSOCKET_REQUEST_INVALID, `GET with Upgrade: websocket and no body, found ${request.method}`);
  }
  const asked = only(headers, "sec-websocket-version");
  if (asked !== version)
    throw refused(wireReasons.WEBSOCKET_VERSION_UNSUPPORTED, `Sec-WebSocket-Version ${version}, found ${asked ?? "none"}`);
  checkOrigin(request, rules.origins);
  const answer: HeaderList = [];
  if (!connect) {
    const key = only(headers, "sec-websocket-key");
    if (key === undefined || !keyForm.test(key)) {
      throw refused(wireReasons.WEBSOCKET_REQUEST_INVALID, "Sec-WebSocket-Key to be 16 bytes in base64, found something else");
    }
    answer.push("sec-websocket-accept", acceptFrom(key));
  }
  const protocol = chosenProtocol(headers, rules.protocols);
  if (protocol !== "") answer.push(protocolHeader, protocol);
  const offers = joined(headers, extensionsHeader);
  const extensions = offers === undefined ? [] : listOfExtensions(offers);
  if (extensions === undefined) throw refused(wireReasons.WEBSOCKET_REQUEST_INVALID, "a list of extensions, found something else");
  const deflate = rules.deflate === undefined ? undefined : acceptDeflate(extensions, rules.deflate);
  if (deflate !== undefined) answer.push(extensionsHeader, deflate.answer);
  return { status: connect ? 200 : 101, headers: answer, protocol, deflate: deflate?.agreement };
}

/** The headers with which a client asks. */
export function handshakeRequest(
  key: string | undefined,
  options: { readonly protocols: readonly string[]; readonly deflate: DeflateSettings | undefined },
): HeaderList {
  const headers: HeaderList = ["sec-websocket-version", version];
  if (key !== undefined) headers.push("sec-websocket-key", key);
  if (options.protocols.length > 0) {
    const list = options.protocols.join(", ");
    if (listOfProtocols(list) === undefined)
      throw refused(wireReasons.REQUEST_INVALID, `subprotocols that are tokens, each once, found ${list}`);
    headers.push(protocolHeader, list);
  }
  if (options.deflate !== undefined) headers.push(extensionsHeader, deflateOffer(options.deflate));
  return headers;
}

/** What a server's answer agrees on. Throws WEBSOCKET_ANSWER_INVALID. RFC 6455 §4.1. */
export function agreedHandshake(
  headers: HeaderList,
  asked: { readonly key: string | undefined; readonly protocols: readonly string[]; readonly deflate: DeflateSettings | undefined },
): { readonly protocol: string; readonly deflate: DeflateAgreement | undefined } {
  if (asked.key !== undefined && only(headers, "sec-websocket-accept") !== acceptFrom(asked.key)) {
    throw refused(wireReasons.WEBSOCKET_ANSWER_INVALID, "Sec-WebSocket-Accept made of our key, found something else");
  }
  const protocol = only(headers, protocolHeader) ?? "";
  if (protocol !== "" && !asked.protocols.includes(protocol)) {
    throw refused(wireReasons.WEBSOCKET_ANSWER_INVALID, `one of the subprotocols that were offered, found ${JSON.stringify(protocol)}`);
  }
  const deflate = agreedDeflate(joined(headers, extensionsHeader), asked.deflate);
  if (typeof deflate === "string")
    throw refused(wireReasons.WEBSOCKET_ANSWER_INVALID, `an answer to the extensions offered, found ${deflate}`);
  return { protocol, deflate };
}

/** A new key. RFC 6455 §4.1. */
export function newKey(): string {
  return randomBytes(16).toString("base64");
}

function acceptFrom(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

function chosenProtocol(headers: HeaderList, spoken: readonly string[]): string {
  const value = joined(headers, protocolHeader);
  if (value === undefined) return "";
  const offered = listOfProtocols(value);
  if (offered === undefined)
    throw refused(wireReasons.WEBSOCKET_REQUEST_INVALID, "subprotocols that are tokens, each once, found something else");
  return spoken.find((one) => offered.includes(one)) ?? "";
}

/** Pages of any origin can open sessions with the user's cookies; only the server can tell which of them may. */
function checkOrigin(request: HttpRequest, rule: OriginRule): void {
  const origin = headerValue(request.headers, "origin");
  if (origin === undefined || rule === "any") return;
  const allowed =
    rule === "same" ? isSame(origin, request.authority) : typeof rule === "function" ? rule(origin, request) : rule.includes(origin);
  if (!allowed)
    throw refused(wireReasons.WEBSOCKET_ORIGIN_REFUSED, `an origin that may open sessions, found ${JSON.stringify(origin.slice(0, 80))}`);
}

function isSame(origin: string, authority: string): boolean {
  const [scheme, host] = origin.split("://");
  if (host === undefined) return false;
  const port = scheme === "https" ? ":443" : ":80";
  const whole = (name: string): string => (/:\d+$/.test(name) ? name : name + port).toLowerCase();
  return whole(host) === whole(authority);
}

/** The value of a header that may stand once; undefined when it is missing or stands more often. */
function only(headers: HeaderList, name: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] !== name) continue;
    if (found !== undefined) return undefined;
    found = headers[index + 1];
  }
  return found;
}

/** The values of a header that is a list, as one. */
function joined(headers: HeaderList, name: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] === name) found = found === undefined ? headers[index + 1] : `${found}, ${headers[index + 1] ?? ""}`;
  }
  return found;
}

function refused(reason: WireReason, expected: string): WireError {
  return new WireError(reason, `expected ${expected}`);
}
