import type { Layer } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import { addressOf, clientAddressFrom, type TrustedProxies } from "../http/client-address.ts";
import { refusal } from "../http/refusal.ts";
import type { Passage } from "../passage.ts";
import { gatewayReasons } from "../reasons.ts";

/** What the layer is told. */
export interface ForwardedOptions {
  readonly trusted: TrustedProxies;
  /** How clients connect to this gateway. */
  readonly scheme: "http" | "https";
  /** Our name in `via`. */
  readonly name: string;
}

/** So often a request may have come through us already; one more is a loop. */
const passesMax = 3;
const hostPattern = /^[A-Za-z0-9._:[\]-]{1,255}$/;
const plainNode = /^[0-9.]+$/;

/**
 * Says where the request came from: `forwarded` (RFC 7239), `x-forwarded-for`, `-proto`, `-host` and `via` (RFC 9110
 * §7.6.3). What came in under these names is believed only from trusted proxies; else it is replaced. A request that has
 * come through us three times is in a loop and is answered 508.
 */
export function forwarded(options: ForwardedOptions): Layer<Passage, HttpResponse> {
  const { trusted, scheme } = options;
  const ownVia = `1.1 ${options.name.replaceAll(/[^\w.-]/g, "-")}`;
  return (next) => (passage, call) => {
    const { inbound, headers } = passage;
    if (inbound.via !== "" && passesIn(inbound.via, ownVia) >= passesMax) {
      return Promise.resolve(refusal(passage, gatewayReasons.LOOP_DETECTED, `Expected fewer than ${passesMax} passes, found as many in via.`));
    }
    const client = clientAddressFrom(addressOf(call.peer.address), inbound, trusted);
    passage.client = client.address;
    const { hops, viaProxy } = client;
    const proto = viaProxy && (inbound.xForwardedProto === "http" || inbound.xForwardedProto === "https") ? inbound.xForwardedProto : scheme;
    const host = viaProxy && hostPattern.test(inbound.xForwardedHost) ? inbound.xForwardedHost : passage.authority;
    const address = client.address;
    const first = `for=${plainNode.test(address) ? address : quotedNode(address)};host="${host}";proto=${proto}`;
    const many = hops.length > 1;
    headers.push(
      "forwarded",
      many ? `${first}${hops.slice(1).map(laterHop).join("")}` : first,
      "x-forwarded-for",
      many ? hops.join(", ") : address,
      "x-forwarded-proto",
      proto,
      "x-forwarded-host",
      host,
      "via",
      inbound.via === "" ? ownVia : `${inbound.via}, ${ownVia}`,
    );
    if (viaProxy) headers.push(...inbound.hints);
    return next(passage, call);
  };
}

function laterHop(address: string): string {
  return `, for=${plainNode.test(address) ? address : quotedNode(address)}`;
}

/** IPv6 stands in brackets and quotes (RFC 7239 §6); a peer without an address (a test in memory) is unknown. */
function quotedNode(address: string): string {
  return address.includes(":") ? `"[${address}]"` : "unknown";
}

function passesIn(via: string, ownVia: string): number {
  let passes = 0;
  for (const hop of via.split(",")) if (hop.trim() === ownVia) passes++;
  return passes;
}
