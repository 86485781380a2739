import type { Layer } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import { addressOf, clientAddressFrom, type ClientAddress, type TrustedProxies } from "../http/client-address.ts";
import { refusal } from "../http/refusal.ts";
import type { Passage } from "../passage.ts";
import { gatewayReasons } from "../reasons.ts";
import { clientTextFrom } from "./access-line.ts";
import type { ClientPeer } from "./send.ts";

/** What the layer is told. */
export interface ForwardedOptions {
  readonly trusted: TrustedProxies;
  /** Our name in `via`. */
  readonly name: string;
}

/** How a client connects to this gateway. */
type Scheme = "http" | "https";

/** So often a request may have come through us already; one more is a loop. */
const passesMax = 3;
const hostPattern = /^[A-Za-z0-9._:[\]-]{1,255}$/;
const plainNode = /^[0-9.]+$/;

/**
 * Says where the request came from: `forwarded` (RFC 7239), `x-forwarded-for`, `-proto`, `-host` and `via` (RFC 9110
 * §7.6.3), and who the client has proven to be by a certificate: `x-weir-client-identity`. What came in under these names is believed only from trusted proxies; else it is replaced. A request that has
 * come through us three times is in a loop and is answered 508.
 */
export function forwarded(options: ForwardedOptions): Layer<Passage, HttpResponse> {
  const { trusted } = options;
  const ownVia = `1.1 ${options.name.replaceAll(/[^\w.-]/g, "-")}`;
  const direct = directClients();
  return (next) => (passage, call) => {
    const { inbound, headers } = passage;
    if (inbound.via !== "" && passesIn(inbound.via, ownVia) >= passesMax) {
      return Promise.resolve(
        refusal(passage, gatewayReasons.LOOP_DETECTED, `Expected fewer than ${passesMax} passes, found as many in via.`),
      );
    }
    const via = inbound.via === "" ? ownVia : `${inbound.via}, ${ownVia}`;
    const scheme = (call.peer as Partial<ClientPeer>).exchange?.secure === true ? "https" : "http";
    const peer = direct(call.peer.address, passage.authority, scheme);
    if (!trusted.has(peer.address)) {
      passage.client = peer.address;
      passage.clientText = peer.clientText;
      headers.push("forwarded", peer.forwarded, "x-forwarded-for", peer.address);
      headers.push("x-forwarded-proto", scheme, "x-forwarded-host", passage.authority, "via", via);
    } else {
      pushBelieved(passage, clientAddressFrom(peer.address, inbound, trusted), scheme);
      headers.push("via", via, ...inbound.hints);
    }
    const { identity } = call.peer;
    if (identity !== undefined) headers.push("x-weir-client-identity", visible(identity));
    return next(passage, call);
  };
}

function pushBelieved(passage: Passage, { address, hops }: ClientAddress, scheme: Scheme): void {
  const { xForwardedProto, xForwardedHost } = passage.inbound;
  const proto = xForwardedProto === "http" || xForwardedProto === "https" ? xForwardedProto : scheme;
  const host = hostPattern.test(xForwardedHost) ? xForwardedHost : passage.authority;
  const later = hops.slice(1).map((hop) => `, for=${nodeText(hop)}`);
  passage.client = address;
  passage.clientText = clientTextFrom(address, passage.authority);
  passage.headers.push(
    "forwarded",
    `for=${nodeText(address)};host="${host}";proto=${proto}${later.join("")}`,
    "x-forwarded-for",
    hops.join(", "),
  );
  passage.headers.push("x-forwarded-proto", proto, "x-forwarded-host", host);
}

/** As a header can hold it: what is not visible ASCII is percent-encoded. */
function visible(text: string): string {
  return text.replace(/[^\x21-\x24\x26-\x7e]+/g, (other) => encodeURIComponent(other.toWellFormed()));
}

/** A client that connects to us itself: its address, and what `forwarded` says of it. */
interface DirectClient {
  readonly address: string;
  readonly authority: string;
  readonly scheme: Scheme;
  readonly forwarded: string;
  readonly clientText: string;
}

const rememberedMax = 4096;

/** Remembers what was made for a connection: it says the same for each of its requests. */
function directClients(): (peerAddress: string, authority: string, scheme: Scheme) => DirectClient {
  const remembered = new Map<string, DirectClient>();
  return (peerAddress, authority, scheme) => {
    const known = remembered.get(peerAddress);
    if (known !== undefined && known.authority === authority && known.scheme === scheme) return known;
    const address = known?.address ?? addressOf(peerAddress);
    const client: DirectClient = {
      address,
      authority,
      scheme,
      forwarded: `for=${nodeText(address)};host="${authority}";proto=${scheme}`,
      clientText: clientTextFrom(address, authority),
    };
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(peerAddress, client);
    return client;
  };
}

/** A node of RFC 7239 §6: IPv6 in brackets and quotes; a peer without an address (a test in memory) is unknown. */
function nodeText(address: string): string {
  if (plainNode.test(address)) return address;
  return address.includes(":") ? `"[${address}]"` : "unknown";
}

function passesIn(via: string, ownVia: string): number {
  let passes = 0;
  for (const hop of via.split(",")) if (hop.trim() === ownVia) passes++;
  return passes;
}
