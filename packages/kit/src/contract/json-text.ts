import type { JsonValue } from "./contract.ts";

const tokens = /"(?:[^"\\]|\\[^])*"(\s*:)?/g;
const depthMax = 1000;
const mark = "~";
const quote = 0x22;
const colon = 0x3a;
const backslash = 0x5c;
const blanks = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * JSON.parse, but every key is read right. V8 from 12.8 on may take an escaped key for another that it has seen before
 * ("\n" becomes "\\": https://github.com/nodejs/node/issues/63785), which corrupts maps; so texts with such keys, and
 * only those, are parsed with other names in their place. Throws SyntaxError as JSON.parse does, and when a text with
 * an escaped key nests deeper than 1000.
 */
export function parseJson(text: string): JsonValue {
  const json = JSON.parse(text) as JsonValue;
  if (!hasEscapedKey(text)) return json;
  const keys: string[] = [];
  // The text is valid here, so the tokens are found in one pass. Keys that look like our own names get one too.
  const renamed = text.replace(tokens, (token: string, after: string | undefined) => {
    if (after === undefined || !(token.includes("\\") || token.startsWith(`"${mark}`))) return token;
    keys.push(JSON.parse(token.slice(0, -after.length)) as string);
    return `"${mark}${keys.length - 1}"${after}`;
  });
  return restored(JSON.parse(renamed) as JsonValue, keys, 0);
}

/** Looks only at the strings of a valid text that hold a backslash, from there to what follows them. */
function hasEscapedKey(text: string): boolean {
  let at = text.indexOf("\\");
  while (at !== -1) {
    for (let code = backslash; code !== quote; code = text.charCodeAt(at)) at += code === backslash ? 2 : 1;
    at++;
    while (blanks.has(text.charCodeAt(at))) at++;
    if (text.charCodeAt(at) === colon) return true;
    at = text.indexOf("\\", at);
  }
  return false;
}

function restored(json: JsonValue, keys: readonly string[], depth: number): JsonValue {
  if (typeof json !== "object" || json === null) return json;
  if (depth > depthMax) throw new SyntaxError(`JSON nests deeper than ${depthMax}`);
  if (Array.isArray(json)) return json.map((item) => restored(item, keys, depth + 1));
  const entries = Object.entries(json).map(([key, value]) => {
    const name = key.startsWith(mark) ? (keys[Number(key.slice(mark.length))] ?? key) : key;
    return [name, restored(value, keys, depth + 1)] as const;
  });
  return Object.fromEntries(entries);
}
