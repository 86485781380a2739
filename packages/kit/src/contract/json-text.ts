import type { JsonValue } from "./contract.ts";

const tokens = /"(?:[^"\\]|\\[^])*"(\s*:)?/g;
const depthMax = 1000;

/**
 * JSON.parse, but every key is read right. V8 from 12.8 on may take an escaped key for another that it has seen before
 * ("\n" becomes "\\": https://github.com/nodejs/node/issues/63785), which corrupts maps; so texts with such keys, and
 * only those, are parsed with other names in their place. Throws SyntaxError as JSON.parse does, and when a text with
 * an escaped key nests deeper than 1000.
 */
export function parseJson(text: string): JsonValue {
  const json = JSON.parse(text) as JsonValue;
  if (!text.includes("\\")) return json;
  const keys: string[] = [];
  const mark = unusedMark(text);
  // The text is valid here, so the tokens are found in one pass.
  const marked = text.replace(tokens, (token: string, colon: string | undefined) => {
    if (colon === undefined || !token.includes("\\")) return token;
    keys.push(JSON.parse(token.slice(0, -colon.length)) as string);
    return `"${mark}${keys.length - 1}"${colon}`;
  });
  return keys.length === 0 ? json : restored(JSON.parse(marked) as JsonValue, { mark, keys, depth: 0 });
}

/** Letters that the text does not hold. */
function unusedMark(text: string): string {
  let mark = "k";
  while (text.includes(mark)) mark += "k";
  return mark;
}

function restored(json: JsonValue, names: { readonly mark: string; readonly keys: readonly string[]; readonly depth: number }): JsonValue {
  if (typeof json !== "object" || json === null) return json;
  if (names.depth > depthMax) throw new SyntaxError(`JSON nests deeper than ${depthMax}`);
  const below = { ...names, depth: names.depth + 1 };
  if (Array.isArray(json)) return json.map((item) => restored(item, below));
  const entries = Object.entries(json).map(([key, value]) => {
    const name = key.startsWith(names.mark) ? (names.keys[Number(key.slice(names.mark.length))] ?? key) : key;
    return [name, restored(value, below)] as const;
  });
  return Object.fromEntries(entries);
}
