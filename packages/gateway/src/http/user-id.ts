import type { UserIdSource } from "@weir/api/snapshots";
import { headerValue } from "@weir/wire";

/** Finds the user's id in a request, or undefined when no source has one. */
export type UserIdFinder = (target: string, headers: readonly string[]) => string | undefined;

/**
 * Compiles the sources of a route, tried in order; an empty value counts as none. Nothing is parsed that is not asked
 * for: each source is one scan of the text. Query values are percent-decoded, so that one user spelled in two ways stays
 * one user; header and cookie values are taken as sent (a cookie's quotes come off).
 */
export function userIdFinder(sources: readonly UserIdSource[]): UserIdFinder {
  const finders = sources.flatMap(({ source }) => finderOf(source) ?? []);
  const [first, ...more] = finders;
  if (first === undefined) return () => undefined;
  if (more.length === 0) return first;
  return (target, headers) => {
    for (const finder of finders) {
      const id = finder(target, headers);
      if (id !== undefined) return id;
    }
    return undefined;
  };
}

function finderOf(source: UserIdSource["source"]): UserIdFinder | undefined {
  if (source.case === "header") {
    const name = source.value;
    return (_target, headers) => headerValue(headers, name) || undefined;
  }
  if (source.case === "query") {
    const wanted = `${source.value}=`;
    return (target) => queryValue(target, wanted) || undefined;
  }
  if (source.case === "cookie") {
    const wanted = `${source.value}=`;
    return (_target, headers) => {
      for (let index = 0; index < headers.length; index += 2) {
        if (headers[index] !== "cookie") continue;
        const value = cookieValue(headers[index + 1] as string, wanted);
        if (value) return value;
      }
      return undefined;
    };
  }
  return undefined;
}

/** The first value of a query parameter; `wanted` is its name with "=". */
function queryValue(target: string, wanted: string): string | undefined {
  const query = target.indexOf("?");
  if (query === -1) return undefined;
  for (let at = target.indexOf(wanted, query + 1); at !== -1; at = target.indexOf(wanted, at + 1)) {
    const before = target.charCodeAt(at - 1);
    if (before !== 63 && before !== 38) continue; // "?" and "&"; a second "?" belongs to a name.
    if (before === 63 && at - 1 !== query) continue;
    const end = target.indexOf("&", at);
    return decoded(target.slice(at + wanted.length, end === -1 ? target.length : end));
  }
  return undefined;
}

function decoded(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text; // Not UTF-8: the bytes as sent still tell users apart.
  }
}

/** The first value of a cookie (RFC 6265 §4.2.1); `wanted` is its name with "=". */
function cookieValue(header: string, wanted: string): string | undefined {
  for (let at = header.indexOf(wanted); at !== -1; at = header.indexOf(wanted, at + 1)) {
    let before = at - 1;
    while (before >= 0 && header.charCodeAt(before) === 32) before--;
    if (before >= 0 && header.charCodeAt(before) !== 59) continue;
    const semicolon = header.indexOf(";", at);
    const value = header.slice(at + wanted.length, semicolon === -1 ? header.length : semicolon).trim();
    return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return undefined;
}
