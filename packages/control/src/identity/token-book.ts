import type { Fault } from "@weir/kit/fault";
import { fault } from "@weir/kit/fault";
import type { Token } from "@weir/api/identity";
import { Role } from "@weir/api/identity";
import type { Caller } from "../caller.ts";
import { controlReasons } from "../reasons.ts";
import type { RoleName, TokenRow } from "../tables.ts";
import { hashOf, sameHash } from "./secret.ts";

/** All tokens in memory, so that no call waits for the database. This control is the only one that changes them. */
export interface TokenBook {
  readonly size: number;
  /** The token that a text is the text of. */
  find(text: string): TokenRow | undefined;
  byId(id: string): TokenRow | undefined;
  /** Newest first. */
  list(): TokenRow[];
  put(row: TokenRow): void;
  remove(id: string): void;
}

/** A book of the tokens that are stored. */
export function createTokenBook(rows: readonly TokenRow[]): TokenBook {
  const byHash = new Map<string, TokenRow>();
  const byId = new Map<string, TokenRow>();
  const book: TokenBook = {
    get size() {
      return byId.size;
    },
    find(text) {
      const hash = hashOf(text);
      const row = byHash.get(hash);
      return row && sameHash(row.hash, hash) ? row : undefined;
    },
    byId: (id) => byId.get(id),
    list: () => [...byId.values()].sort((left, right) => right.created_at_ms - left.created_at_ms || (left.id < right.id ? -1 : 1)),
    put(row) {
      book.remove(row.id);
      byId.set(row.id, row);
      byHash.set(row.hash, row);
    },
    remove(id) {
      byHash.delete(byId.get(id)?.hash ?? "");
      byId.delete(id);
    },
  };
  for (const row of rows) book.put(row);
  return book;
}

/** Why a token is no longer good: TOKEN_REVOKED, TOKEN_EXPIRED, or undefined while it is good. */
export function tokenFault(row: TokenRow, nowMs: number): Fault | undefined {
  if (row.revoked_at_ms > 0) {
    return fault(
      controlReasons.TOKEN_REVOKED,
      `Expected a token that is good, found one revoked at ${new Date(row.revoked_at_ms).toISOString()}.`,
    );
  }
  if (row.expires_at_ms > 0 && nowMs >= row.expires_at_ms) {
    return fault(
      controlReasons.TOKEN_EXPIRED,
      `Expected a token that is good, found one that expired at ${new Date(row.expires_at_ms).toISOString()}.`,
    );
  }
  return undefined;
}

/** Who calls with a token. */
export function callerFrom(row: TokenRow): Caller {
  return { tokenId: row.id, name: row.name, role: row.role, services: servicesOf(row) };
}

/** Services that a token is limited to; empty for all. */
export function servicesOf(row: TokenRow): string[] {
  return JSON.parse(row.services) as string[];
}

const roles: Readonly<Record<RoleName, Role>> = {
  viewer: Role.VIEWER,
  operator: Role.OPERATOR,
  admin: Role.ADMIN,
  instance: Role.INSTANCE,
  data_plane: Role.DATA_PLANE,
};

/** The stored word for a role of the contract; undefined for one that is none. */
export function roleNameFrom(role: Role): RoleName | undefined {
  return (Object.keys(roles) as RoleName[]).find((name) => roles[name] === role);
}

/** A token as the contract shows it, without its hash. */
export function tokenFrom(row: TokenRow): Token {
  return {
    id: row.id,
    name: row.name,
    role: roles[row.role],
    services: servicesOf(row),
    createdAtMs: BigInt(row.created_at_ms),
    expiresAtMs: BigInt(row.expires_at_ms),
    revokedAtMs: BigInt(row.revoked_at_ms),
  };
}

/** A token as the audit notes it. */
export function tokenNote(row: TokenRow): Readonly<Record<string, unknown>> {
  const { id, name, role, expires_at_ms: expiresAtMs, revoked_at_ms: revokedAtMs } = row;
  return { id, name, role, services: servicesOf(row), expiresAtMs, revokedAtMs };
}
