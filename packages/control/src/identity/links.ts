import type { Transaction } from "kysely";
import { fault } from "@weir/kit/fault";
import { controlReasons } from "../reasons.ts";
import type { ControlTables, LinkRow, RoleName } from "../tables.ts";
import type { Write } from "../write.ts";
import { createLinkCode, hashOf } from "./secret.ts";

/** How long a link can be opened. */
export const linkMs: number = 10 * 60_000;

const linksMax = 1000;
/** So long it is remembered that a link has been opened or has expired. */
const rememberedMs = 24 * 3_600_000;

/** A link just made; its code is shown this once. */
export interface MadeLink {
  readonly code: string;
  readonly expiresAtMs: number;
}

/** Who a link is for. */
export interface LinkPlan {
  readonly name: string;
  readonly role: RoleName;
  readonly reason: string;
  readonly nowMs: number;
}

/** Makes a one-time link as part of an act. Errors: TOKENS_TOO_MANY. */
export async function makeLink(write: Write, plan: LinkPlan): Promise<MadeLink> {
  const { name, role, reason, nowMs } = plan;
  await forgetOldLinks(write.transaction, nowMs);
  const code = createLinkCode();
  const expiresAtMs = nowMs + linkMs;
  const row: LinkRow = { hash: hashOf(code), name, role, expires_at_ms: expiresAtMs, used_at_ms: 0 };
  await write.transaction.insertInto("control_links").values(row).execute();
  write.note({ resource: `link/${name}`, to: { name, role, expiresAtMs }, reason });
  return { code, expiresAtMs };
}

/** Opens a link as part of an act, once and for all. Errors: LINK_UNKNOWN, LINK_USED, LINK_EXPIRED. */
export async function openLink(transaction: Transaction<ControlTables>, opening: { code: string; nowMs: number }): Promise<LinkRow> {
  const hash = hashOf(opening.code);
  const link = await transaction.selectFrom("control_links").selectAll().where("hash", "=", hash).executeTakeFirst();
  if (!link) throw fault(controlReasons.LINK_UNKNOWN, "Expected the code of a link that control has made, found another.");
  if (link.used_at_ms > 0) {
    throw fault(
      controlReasons.LINK_USED,
      `Expected a link that nobody has opened, found one opened at ${new Date(link.used_at_ms).toISOString()}.`,
    );
  }
  if (opening.nowMs >= link.expires_at_ms) {
    throw fault(
      controlReasons.LINK_EXPIRED,
      `Expected a link that is good, found one that expired at ${new Date(link.expires_at_ms).toISOString()}.`,
    );
  }
  await transaction.updateTable("control_links").set({ used_at_ms: opening.nowMs }).where("hash", "=", hash).execute();
  return link;
}

async function forgetOldLinks(transaction: Transaction<ControlTables>, nowMs: number): Promise<void> {
  await transaction
    .deleteFrom("control_links")
    .where("expires_at_ms", "<", nowMs - rememberedMs)
    .execute();
  const { open } = await transaction
    .selectFrom("control_links")
    .select((fields) => fields.fn.countAll<number>().as("open"))
    .executeTakeFirstOrThrow();
  if (open >= linksMax) throw fault(controlReasons.TOKENS_TOO_MANY, `Expected fewer than ${linksMax} links of one day, found ${open}.`);
}
