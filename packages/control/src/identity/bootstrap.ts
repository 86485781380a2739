import { fault } from "@weir/kit/fault";
import { controlReasons } from "../reasons.ts";
import type { RoleName, TokenRow } from "../tables.ts";
import type { Write } from "../write.ts";
import { hashOf } from "./secret.ts";
import type { TokenBook } from "./token-book.ts";
import { tokenNote } from "./token-book.ts";

/** Texts of tokens that exist from the start, for whoever starts control together with what speaks to it. */
export interface BootstrapTokens {
  readonly admin?: string | undefined;
  readonly instance?: string | undefined;
  readonly dataPlane?: string | undefined;
}

const charactersMin = 32;
const places: readonly { key: keyof BootstrapTokens; name: string; role: RoleName }[] = [
  { key: "admin", name: "admin", role: "admin" },
  { key: "instance", name: "instance", role: "instance" },
  { key: "dataPlane", name: "data-plane", role: "data_plane" },
];

/** Rejects with CONTROL_OPTIONS_INVALID unless every text has at least 32 visible characters and none is given twice. */
export function checkBootstrapTokens(texts: BootstrapTokens): void {
  const given = places.flatMap(({ key }) => (texts[key] === undefined ? [] : [{ key, text: texts[key] }]));
  for (const { key, text } of given) {
    if (/^[\x21-\x7e]+$/.test(text) && text.length >= charactersMin && text.length <= 512) continue;
    throw fault(
      controlReasons.CONTROL_OPTIONS_INVALID,
      `Expected bootstrapTokens.${key} to have ${charactersMin} to 512 visible ASCII characters.`,
    );
  }
  if (new Set(given.map(({ text }) => text)).size < given.length) {
    throw fault(controlReasons.CONTROL_OPTIONS_INVALID, "Expected bootstrapTokens that differ, found the same one twice.");
  }
}

/**
 * Makes the bootstrap tokens be those given: a new text takes the place of the one before, and one that is no longer given
 * is revoked. Only hashes are kept. An act that changes nothing leaves no trace.
 */
export async function bootstrapTokens(write: Write, tokens: TokenBook, options: { texts: BootstrapTokens; nowMs: number }): Promise<void> {
  for (const place of places) {
    const text = options.texts[place.key];
    const id = `bootstrap-${place.name}`;
    const before = await write.transaction.selectFrom("control_tokens").selectAll().where("id", "=", id).executeTakeFirst();
    if (text === undefined && (!before || before.revoked_at_ms > 0)) continue;
    if (text !== undefined && before?.hash === hashOf(text) && before.revoked_at_ms === 0) continue;
    const made = {
      id,
      name: place.name,
      role: place.role,
      services: "[]",
      created_at_ms: options.nowMs,
      expires_at_ms: 0,
      revoked_at_ms: 0,
    };
    const row: TokenRow = text === undefined ? { ...(before as TokenRow), revoked_at_ms: options.nowMs } : { ...made, hash: hashOf(text) };
    // A text may have been given for another place before.
    await write.transaction
      .deleteFrom("control_tokens")
      .where((either) => either.or([either("id", "=", id), either("hash", "=", row.hash)]))
      .execute();
    await write.transaction.insertInto("control_tokens").values(row).execute();
    const reason = text === undefined ? "no longer given at the start" : "given at the start";
    write.note({ resource: `token/${id}`, from: before && tokenNote(before), to: tokenNote(row), reason });
  }
  const rows = await write.transaction.selectFrom("control_tokens").selectAll().execute();
  write.afterCommit(() => {
    for (const { id } of tokens.list()) tokens.remove(id);
    for (const row of rows) tokens.put(row);
  });
}
