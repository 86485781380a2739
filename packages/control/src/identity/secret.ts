import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** Leak scanners know a token by it. */
export const tokenPrefix = "weir_";

/** The text of a new token: 256 random bits behind the prefix. */
export function createTokenText(): string {
  return `${tokenPrefix}${randomBytes(32).toString("base64url")}`;
}

/** The code of a new one-time link: 256 random bits. */
export function createLinkCode(): string {
  return randomBytes(32).toString("base64url");
}

/** What is kept of a secret: its SHA-256 in hex. A secret of 256 random bits needs no slower hash. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether two hashes are the same, in a time that does not tell how far they are. */
export function sameHash(left: string, right: string): boolean {
  return left.length === right.length && timingSafeEqual(Buffer.from(left), Buffer.from(right));
}
