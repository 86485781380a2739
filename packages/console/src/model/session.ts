import type { Token } from "@weir/api/identity";
import { Role } from "@weir/api/identity";

/** Where the token is kept: the browser's sessionStorage, or anything like it. It ends with the tab. */
export interface SessionStore {
  readonly getItem: (key: string) => string | null;
  readonly setItem: (key: string, value: string) => void;
  readonly removeItem: (key: string) => void;
}

/** Why a control cannot be used; undefined when it can. */
export type Hindrance = "viewer" | "service" | "machine" | "lost" | "no_release";

const tokenKey = "weir.token";

/** The stored token, or undefined. A browser that forbids storage counts as signed out. */
export function storedToken(store: SessionStore): string | undefined {
  try {
    return store.getItem(tokenKey) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a token for this tab, or forgets it. */
export function storeToken(store: SessionStore, token: string | undefined): void {
  try {
    if (token === undefined) store.removeItem(tokenKey);
    else store.setItem(tokenKey, token);
  } catch {
    // Storage is forbidden: the token lives as long as the page.
  }
}

/** Why this token may not move users of the service; undefined when it may. Control checks again: this only explains. */
export function hindranceOf(token: Token, service: string): Hindrance | undefined {
  if (token.role === Role.VIEWER || token.role === Role.UNSPECIFIED) return "viewer";
  if (token.role !== Role.OPERATOR && token.role !== Role.ADMIN) return "machine";
  if (token.services.length > 0 && !token.services.includes(service)) return "service";
  return undefined;
}

/** The token in what somebody pasted: the text itself, or the one in an Authorization header. */
export function tokenFromPaste(text: string): string {
  return text
    .trim()
    .replace(/^(authorization:\s*)?bearer\s+/i, "")
    .replaceAll(/\s+/g, "");
}
