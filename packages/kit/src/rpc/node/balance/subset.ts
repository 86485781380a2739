import type { EndpointAddress } from "./endpoint-address.ts";
import { addressKey } from "./endpoint-address.ts";
import { mixed, textHash } from "./text-hash.ts";

/** Which part of a large service one client uses. */
export interface SubsetOptions {
  /** Endpoints at most. With fewer all are used. */
  readonly size: number;
  /** What tells this client from others; the same id chooses the same part after a restart. Default: by chance. */
  readonly clientId?: string;
}

/**
 * The `size` addresses that rank first for this client (rendezvous hashing), in the order given. One address more or less changes at
 * most one of them, and of many clients each endpoint is used by about as many. Source: gRPC A68.
 */
export function subsetOf(addresses: readonly EndpointAddress[], { size, clientId }: Required<SubsetOptions>): readonly EndpointAddress[] {
  if (addresses.length <= size) return addresses;
  const seed = textHash(clientId);
  const ranked = addresses.map((address) => ({ address, rank: mixed(seed ^ textHash(addressKey(address))) }));
  ranked.sort((left, right) => left.rank - right.rank || (addressKey(left.address) < addressKey(right.address) ? -1 : 1));
  const chosen = new Set(ranked.slice(0, size).map(({ address }) => address));
  return addresses.filter((address) => chosen.has(address));
}
