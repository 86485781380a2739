import { randomBytes } from "node:crypto";
import type { IdentityHandlers } from "@weir/api/identity";
import { isName } from "@weir/api/names";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import { callerOf } from "../caller.ts";
import { quoted } from "../quoted.ts";
import { reasonText } from "../reason-text.ts";
import { controlReasons } from "../reasons.ts";
import type { RoleName, TokenRow } from "../tables.ts";
import type { Write } from "../write.ts";
import { controlActor, writeOf } from "../write.ts";
import { makeLink, openLink } from "./links.ts";
import { createTokenText, hashOf } from "./secret.ts";
import type { TokenBook } from "./token-book.ts";
import { roleNameFrom, tokenFrom, tokenNote } from "./token-book.ts";

/** What identity works with. */
export interface IdentityOptions {
  readonly tokens: TokenBook;
  readonly clock: Clock;
}

const daySeconds = 86_400;
const lifetimeSecondsDefault = 90 * daySeconds;
const lifetimeSecondsMax = 365 * daySeconds;
/** A person who came by a link stays signed in for a working day. */
const linkLifetimeSeconds = daySeconds / 2;
const tokensMax = 10_000;
const servicesMax = 100;
/** Expired tokens are listed for a week. */
const rememberedMs = 7 * daySeconds * 1000;
const namePattern = /^[\p{L}\p{N}](?:[\p{L}\p{N} ._@:/+-]{0,62}[\p{L}\p{N}])?$/u;
const reservedNames = new Set([controlActor, "unknown"]);

/** The methods of identity. Errors: TOKEN_INVALID, TOKEN_NOT_FOUND, TOKENS_TOO_MANY, REASON_MISSING, REASON_TOO_LONG, those of links. */
export function createIdentity({ tokens, clock }: IdentityOptions): IdentityHandlers {
  return {
    async whoAmI(_request, call) {
      const row = tokens.byId(callerOf(call).tokenId);
      return { token: row && tokenFrom(row) };
    },
    async exchangeLink({ code }, call) {
      const write = writeOf(call);
      const nowMs = clock.nowMs();
      const { name, role } = await openLink(write.transaction, { code, nowMs });
      const plan = { name, role, services: [], lifetimeSeconds: linkLifetimeSeconds, reason: "opened a one-time link", nowMs };
      const { text, row } = await addToken(write, tokens, { ...plan, actor: name });
      return { token: text, identity: tokenFrom(row) };
    },
    async createLink({ name, role: asked, reason }, call) {
      const role = checkedRole(roleNameFrom(asked), ["viewer", "operator", "admin"]);
      const plan = { name: checkedName(name), role, reason: reasonText(reason), nowMs: clock.nowMs() };
      const { code, expiresAtMs } = await makeLink(writeOf(call), plan);
      return { code, expiresAtMs: BigInt(expiresAtMs) };
    },
    async createToken({ name, role: asked, services, lifetimeS, reason }, call) {
      const role = checkedRole(roleNameFrom(asked), ["viewer", "operator", "admin", "instance", "data_plane"]);
      const plan = {
        name: checkedName(name),
        role,
        services: checkedServices(services, role),
        lifetimeSeconds: checkedLifetime(lifetimeS),
        reason: reasonText(reason),
        nowMs: clock.nowMs(),
      };
      const { text, row } = await addToken(writeOf(call), tokens, plan);
      return { token: text, identity: tokenFrom(row) };
    },
    async listTokens() {
      return { tokens: tokens.list().map(tokenFrom) };
    },
    async revokeToken({ id, reason }, call) {
      const why = reasonText(reason);
      const write = writeOf(call);
      const row = await write.transaction.selectFrom("control_tokens").selectAll().where("id", "=", id).executeTakeFirst();
      if (!row) throw fault(controlReasons.TOKEN_NOT_FOUND, `Expected the id of a token, found ${quoted(id)}.`);
      if (row.revoked_at_ms > 0) return {};
      const revoked: TokenRow = { ...row, revoked_at_ms: clock.nowMs() };
      await write.transaction.updateTable("control_tokens").set({ revoked_at_ms: revoked.revoked_at_ms }).where("id", "=", id).execute();
      write.note({ resource: `token/${id}`, from: tokenNote(row), to: tokenNote(revoked), reason: why });
      write.afterCommit(() => tokens.put(revoked));
      return {};
    },
  };
}

interface TokenPlan {
  readonly name: string;
  readonly role: RoleName;
  readonly services: readonly string[];
  readonly lifetimeSeconds: number;
  readonly reason: string;
  readonly nowMs: number;
  readonly actor?: string;
}

async function addToken(write: Write, tokens: TokenBook, plan: TokenPlan): Promise<{ text: string; row: TokenRow }> {
  const stale = tokens.list().filter(({ expires_at_ms: atMs }) => atMs > 0 && atMs < plan.nowMs - rememberedMs);
  for (const { id } of stale) await write.transaction.deleteFrom("control_tokens").where("id", "=", id).execute();
  if (tokens.size - stale.length >= tokensMax) {
    throw fault(controlReasons.TOKENS_TOO_MANY, `Expected fewer than ${tokensMax} tokens, found ${tokens.size}.`);
  }
  const text = createTokenText();
  const row: TokenRow = {
    id: randomBytes(8).toString("hex"),
    hash: hashOf(text),
    name: plan.name,
    role: plan.role,
    services: JSON.stringify(plan.services),
    created_at_ms: plan.nowMs,
    expires_at_ms: plan.nowMs + plan.lifetimeSeconds * 1000,
    revoked_at_ms: 0,
  };
  await write.transaction.insertInto("control_tokens").values(row).execute();
  write.note({ resource: `token/${row.id}`, to: tokenNote(row), reason: plan.reason, actor: plan.actor ?? write.actor });
  write.afterCommit(() => {
    for (const { id } of stale) tokens.remove(id);
    tokens.put(row);
  });
  return { text, row };
}

/** A name that may stand in the audit for who does something. Rejects with TOKEN_INVALID. */
export function checkedName(name: string): string {
  if (namePattern.test(name) && !reservedNames.has(name)) return name;
  throw fault(
    controlReasons.TOKEN_INVALID,
    `Expected a name of 1 to 64 letters, digits and " ._@:/+-" that is not reserved, found ${quoted(name)}.`,
  );
}

function checkedRole(role: RoleName | undefined, possible: readonly RoleName[]): RoleName {
  if (role !== undefined && possible.includes(role)) return role;
  throw fault(controlReasons.TOKEN_INVALID, `Expected one of the roles ${possible.join(", ")}, found ${role ?? "none"}.`);
}

function checkedServices(services: readonly string[], role: RoleName): readonly string[] {
  const unlimited = role === "admin" || role === "data_plane";
  if (unlimited && services.length > 0) {
    throw fault(controlReasons.TOKEN_INVALID, `Expected no services for the role ${role}, which reaches all, found ${services.length}.`);
  }
  const bad = services.find((service) => !isName(service));
  if (bad !== undefined) throw fault(controlReasons.TOKEN_INVALID, `Expected the names of services, found ${quoted(bad)}.`);
  if (services.length > servicesMax) {
    throw fault(controlReasons.TOKEN_INVALID, `Expected at most ${servicesMax} services, found ${services.length}.`);
  }
  return [...new Set(services)];
}

function checkedLifetime(seconds: number): number {
  if (seconds <= lifetimeSecondsMax) return seconds === 0 ? lifetimeSecondsDefault : seconds;
  throw fault(controlReasons.TOKEN_INVALID, `Expected a lifetime of at most ${lifetimeSecondsMax} s, found ${seconds}.`);
}
