import { BlockList, isIP } from "node:net";
import { fault } from "@weir/kit/fault";
import { gatewayReasons } from "../reasons.ts";

/** Who asks, as far as it can be believed. */
export interface ClientAddress {
  /** Address without port, IPv6 without brackets. */
  readonly address: string;
  /** The believed hops from the client to the one that connected to us, both included. */
  readonly hops: readonly string[];
}

/** What a proxy in front may have said. Values as received; several headers of a name joined with ", ". */
export interface ProxyHints {
  readonly xForwardedFor: string;
  readonly forwarded: string;
}

/** Tells trusted proxies from others. */
export interface TrustedProxies {
  has(address: string): boolean;
}

/** Hops that are looked at, from the nearest; what lies further away is not believed. */
const hopsMax = 16;

/**
 * Trusted proxies from CIDRs ("10.0.0.0/8", "::1/128") and single addresses; none by default, then nothing that a
 * client says about where it comes from is believed. Throws TRUSTED_PROXY_INVALID.
 */
export function trustedProxiesFrom(cidrs: readonly string[]): TrustedProxies {
  if (cidrs.length === 0) return { has: () => false };
  const list = new BlockList();
  for (const cidr of cidrs) {
    const slash = cidr.indexOf("/");
    const address = slash === -1 ? cidr : cidr.slice(0, slash);
    const family = isIP(address);
    const bitsMax = family === 6 ? 128 : 32;
    const bits = slash === -1 ? bitsMax : /^\d{1,3}$/.test(cidr.slice(slash + 1)) ? Number(cidr.slice(slash + 1)) : -1;
    if (family === 0 || bits < 0 || bits > bitsMax) {
      throw fault(gatewayReasons.TRUSTED_PROXY_INVALID, `Expected an address or a CIDR such as 10.0.0.0/8, found ${JSON.stringify(cidr)}.`);
    }
    list.addSubnet(address, bits, family === 6 ? "ipv6" : "ipv4");
  }
  return { has: (address) => (isIP(address) === 0 ? false : list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4")) };
}

/** The address of a socket's other end, "127.0.0.1:52100" or "[::1]:80", without port; IPv4 in IPv6 becomes IPv4. */
export function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(":");
  const bare = colon !== -1 && (peer.indexOf(":") === colon || peer.charCodeAt(colon - 1) === 93) ? peer.slice(0, colon) : peer;
  const open = bare.charCodeAt(0) === 91 && bare.endsWith("]") ? bare.slice(1, -1) : bare;
  return open.startsWith("::ffff:") && open.includes(".") ? open.slice(7) : open;
}

/**
 * Walks from the nearest hop outwards and stops at the first that is no trusted proxy: that is the client. An entry that
 * is no address ends the walk at the proxy that named it. `X-Forwarded-For` is read when there is one, else `Forwarded`
 * (RFC 7239): a proxy that keeps one of them up to date often lets the other through untouched.
 */
export function clientAddressFrom(peer: string, hints: ProxyHints, trusted: TrustedProxies): ClientAddress {
  if (!trusted.has(peer)) return { address: peer, hops: [peer] };
  const entries = hints.xForwardedFor === "" ? forwardedFor(hints.forwarded) : hints.xForwardedFor.split(",");
  const hops = [peer];
  for (let index = entries.length - 1; index >= 0 && hops.length < hopsMax; index--) {
    const address = addressOf((entries[index] as string).trim());
    if (isIP(address) === 0) break;
    hops.unshift(address);
    if (!trusted.has(address)) break;
  }
  return { address: hops[0] as string, hops };
}

/** The `for` of each element of a Forwarded header, in order; "" where there is none. Quoted strings may hold commas. */
function forwardedFor(header: string): string[] {
  if (header === "") return [];
  const elements = header.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  return elements.map((element) => {
    const found = /(?:^|;)\s*for\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]*))/i.exec(element);
    return found?.[1] ?? found?.[2] ?? "";
  });
}
