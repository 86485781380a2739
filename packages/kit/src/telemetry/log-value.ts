import { isFault } from "../fault.ts";

const depthMax = 6;
const entriesMax = 100;
const textMax = 8192;
const causesMax = 5;
/** A program uses few names; a search costs more than a look-up. */
const knownNames = new Map<string, boolean>();
const knownNamesMax = 1000;
const masked = '"[masked]"';

const secretName = /token|authorization|passw(or)?d|cookie|secret|credential|api[-_]?key/i;
/** Flat header lists hold names and values in turn. */
const secretHeader = /^(proxy-)?authorization$|^(set-)?cookie$|^x-api-key$/i;

/**
 * The JSON text of a value of a log line, or undefined when it has none. Masks secrets, by the value's name and in
 * texts. Nothing is written below 6 levels, beyond 100 entries, 8192 characters of a text or 5 causes; "…" marks the cut.
 * A bigint is written as text, bytes as their number, an Error as name, message, stack and cause, a Fault with its code
 * and reason. Never throws for a value that only misbehaves when read.
 */
export function logText(value: unknown, name = ""): string | undefined {
  return valueText(value, name, 0);
}

function valueText(value: unknown, name: string, depth: number): string | undefined {
  if (value === undefined || typeof value === "function") return undefined;
  if (name !== "" && isSecret(name)) return masked;
  if (typeof value === "string") return stringText(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : `"${value}"`;
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "bigint" || typeof value === "symbol") return JSON.stringify(String(value));
  if (value === null) return "null";
  if (depth >= depthMax) return '"…"';
  try {
    return objectText(value, depth);
  } catch {
    return '"[unreadable]"';
  }
}

function isSecret(name: string): boolean {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const secret = secretName.test(name);
  if (knownNames.size < knownNamesMax) knownNames.set(name, secret);
  return secret;
}

function stringText(text: string): string {
  let shown = text.length > textMax ? `${text.slice(0, textMax)}…` : text;
  if (shown.includes("://")) shown = shown.replace(/:\/\/[^\s/@]+@/g, "://[masked]@");
  if (shown.includes("earer ") || shown.includes("EARER ")) shown = shown.replace(/(bearer\s+)[^\s"',]+/gi, "$1[masked]");
  return JSON.stringify(shown);
}

function objectText(value: object, depth: number): string | undefined {
  if (value instanceof Error || isFault(value)) return errorText(value as Error, depth);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `"[${value.byteLength} bytes]"`;
  if (Array.isArray(value)) return arrayText(value, depth);
  if (value instanceof Map) return entriesText(value.entries() as Iterable<[unknown, unknown]>, depth);
  if (value instanceof Set) return arrayText([...value], depth);
  if ("toJSON" in value && typeof value.toJSON === "function") return valueText(value.toJSON() as unknown, "", depth + 1);
  return entriesText(Object.entries(value), depth);
}

function arrayText(values: readonly unknown[], depth: number): string {
  const parts: string[] = [];
  for (let index = 0; index < values.length; index++) {
    if (index === entriesMax) {
      parts.push('"…"');
      break;
    }
    const before = values[index - 1];
    const hidden = index % 2 === 1 && typeof before === "string" && secretHeader.test(before);
    parts.push(hidden ? masked : (valueText(values[index], "", depth + 1) ?? "null"));
  }
  return `[${parts.join(",")}]`;
}

function entriesText(entries: Iterable<readonly [unknown, unknown]>, depth: number): string {
  const parts: string[] = [];
  for (const [key, value] of entries) {
    if (parts.length === entriesMax) {
      parts.push('"…":"…"');
      break;
    }
    const text = valueText(value, String(key), depth + 1);
    if (text !== undefined) parts.push(`${JSON.stringify(String(key))}:${text}`);
  }
  return `{${parts.join(",")}}`;
}

function errorText(error: Error, depth: number): string {
  const fields: [string, unknown][] = [["name", error.name]];
  if (isFault(error)) {
    fields.push(["code", error.code], ["reason", error.reason]);
    if (error.details.length > 0) fields.push(["details", error.details]);
    if (error.retryAfterMs !== undefined) fields.push(["retryAfterMs", error.retryAfterMs]);
  } else if ("code" in error) {
    fields.push(["code", error.code]);
  }
  fields.push(["message", error.message]);
  // The stack repeats name and message in its first lines.
  if (depth === 0) fields.push(["stack", error.stack]);
  if (error instanceof AggregateError) fields.push(["errors", error.errors.slice(0, causesMax)]);
  const causes = causesOf(error);
  if (causes.length > 0) fields.push(["causes", causes]);
  return entriesText(fields, depth);
}

/** The chain as a flat list, so that a long one neither nests nor loops. */
function causesOf(error: Error): unknown[] {
  const causes: unknown[] = [];
  let cause: unknown = error.cause;
  while (cause !== undefined && causes.length < causesMax) {
    const known = cause;
    causes.push(known instanceof Error || isFault(known) ? causeFields(known as Error) : known);
    cause = typeof known === "object" && known !== null && "cause" in known ? known.cause : undefined;
  }
  if (cause !== undefined) causes.push("…");
  return causes;
}

function causeFields(error: Error): Record<string, unknown> {
  const code = "code" in error ? error.code : undefined;
  const reason = "reason" in error ? error.reason : undefined;
  return { name: error.name, code, reason, message: error.message, stack: error.stack };
}
