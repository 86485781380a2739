import { createHash, randomBytes } from "node:crypto";
import { fault } from "@weir/kit/fault";
import { headerValue, type ClientRequest, type ClientResponse } from "@weir/wire";
import { leaveBody } from "../http/made-body.ts";
import { messageOf } from "../http/refusal.ts";
import type { Passage } from "../passage.ts";
import { gatewayReasons } from "../reasons.ts";

/** What RFC 6455 §1.3 appends to a key. */
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** HTTP/2 has no handshake of its own (RFC 8441 §5): these stay on the side of HTTP/1.1. */
const handshake: ReadonlySet<string> = new Set(["sec-websocket-key", "sec-websocket-accept"]);

const carriers = /^(?:h[23]c?|http|tls|connect-(?:tcp|udp|ip))(?:$|[-/])/;

/**
 * Whether a protocol carries requests itself, as h2c does: an endpoint that agreed to it would be asked past all Layers.
 * Such an upgrade of HTTP/1.1 is left out, as RFC 9110 §7.8 allows, and the request is one like any other.
 */
export function isCarrier(upgrade: string): boolean {
  return carriers.test(upgrade);
}

/** A request for an upgrade, as an endpoint is asked in HTTP/1.1. */
export interface UpgradeRequest {
  readonly message: ClientRequest;
  /** What the endpoint has to answer the key with, when the gateway made the key; else "". */
  readonly accept: string;
}

/**
 * The request for an upgrade. One of HTTP/1.1 goes on as it is; an extended CONNECT of HTTP/2 becomes a GET, for a WebSocket
 * with a key of our own.
 */
export function upgradeRequest(passage: Passage): UpgradeRequest {
  if (!passage.http2) return { message: passage, accept: "" };
  const { target, authority, upgrade } = passage;
  const headers = without(passage.headers, handshake);
  if (upgrade !== "websocket") return { message: { method: "GET", target, authority, headers, upgrade }, accept: "" };
  const key = randomBytes(16).toString("base64");
  headers.push("sec-websocket-key", key);
  const accept = createHash("sha1")
    .update(key + acceptSuffix)
    .digest("base64");
  return { message: { method: "GET", target, authority, headers, upgrade }, accept };
}

/**
 * The endpoint's answer, as the client's protocol says it. A refusal passes as it is. Throws UPSTREAM_INVALID when the
 * client would be told of a session that the endpoint has not agreed to.
 */
export function upgradeAnswer(response: ClientResponse, request: UpgradeRequest, passage: Passage): ClientResponse {
  if (!passage.http2) return response;
  const { duplex, status, headers } = response;
  const agreed = duplex !== undefined && (request.accept === "" || headerValue(headers, "sec-websocket-accept") === request.accept);
  if (agreed) return { status: 200, headers: without(headers, handshake), duplex };
  // To an extended CONNECT every 2xx says yes (RFC 8441 §4).
  if (duplex === undefined && status >= 300) return response;
  duplex?.destroy();
  if (response.body !== undefined && !(response.body instanceof Uint8Array)) leaveBody(response.body);
  throw fault(gatewayReasons.UPSTREAM_INVALID, messageOf(gatewayReasons.UPSTREAM_INVALID, passage));
}

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    if (!names.has(headers[index] as string)) kept.push(headers[index] as string, headers[index + 1] as string);
  }
  return kept;
}
