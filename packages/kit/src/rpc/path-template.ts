import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";

/** One step of a path: a literal, `*` (exactly one segment) or `**` (the rest, also none). */
export type TemplateSegment = { readonly kind: "literal"; readonly text: string } | { readonly kind: "single" } | { readonly kind: "rest" };

/** A field and the segments that it takes: from `start` up to, not including, `end` (Infinity when it takes the rest). */
export interface TemplateVariable {
  /** Field path as the contract writes it, "page.page_size". */
  readonly field: string;
  readonly start: number;
  readonly end: number;
}

/** A parsed `google.api.http` path template. */
export interface PathTemplate {
  readonly text: string;
  readonly segments: readonly TemplateSegment[];
  readonly variables: readonly TemplateVariable[];
  /** What stands after the colon at the end, "" when nothing. */
  readonly verb: string;
}

const literalPattern = /^[A-Za-z0-9\-._~!$&'()+,;=@]+$/;
const fieldPattern = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;

/**
 * Parses "/v1/{name=shelves/*}/books/**:archive". Throws TEMPLATE_INVALID saying where.
 * Source: google/api/http.proto, "Path template syntax". Beyond it, "/" alone is the root.
 */
export function parsePathTemplate(text: string): PathTemplate {
  if (!text.startsWith("/")) throw invalid(text, 'expected a "/" at the start');
  const segments: TemplateSegment[] = [];
  const variables: TemplateVariable[] = [];
  const colon = text.lastIndexOf(":");
  const hasVerb = colon > Math.max(text.lastIndexOf("/"), text.lastIndexOf("}"));
  const verb = hasVerb ? text.slice(colon + 1) : "";
  const path = hasVerb ? text.slice(1, colon) : text.slice(1);
  if (hasVerb && !literalPattern.test(verb)) throw invalid(text, `expected a word after the colon, found "${verb}"`);
  for (const part of path === "" ? [] : splitOutsideBraces(path)) {
    if (!part.startsWith("{")) {
      segments.push(parseSegment(part, text));
      continue;
    }
    if (!part.endsWith("}")) throw invalid(text, `expected "}" at the end of "${part}"`);
    const [field = "", pattern = "*"] = splitOnce(part.slice(1, -1), "=");
    if (!fieldPattern.test(field)) throw invalid(text, `expected the name of a field, found "${field}"`);
    const start = segments.length;
    for (const inner of pattern.split("/")) segments.push(parseSegment(inner, text));
    variables.push({ field, start, end: segments.at(-1)?.kind === "rest" ? Infinity : segments.length });
  }
  const rest = segments.findIndex((segment) => segment.kind === "rest");
  if (rest !== -1 && rest !== segments.length - 1) throw invalid(text, 'expected nothing after "**" but a verb');
  const fields = variables.map((variable) => variable.field);
  const twice = fields.find((field, index) => fields.indexOf(field) !== index);
  if (twice !== undefined) throw invalid(text, `expected each field once, found "${twice}" twice`);
  return { text, segments, variables, verb };
}

/**
 * The value of a variable from a path that matches its template, without query and verb. One segment is decoded whole; several are
 * decoded except "%2F", which would otherwise look like a border (http.proto). Throws PATH_INVALID.
 */
export function variableValue(variable: TemplateVariable, path: string): string {
  const from = segmentStart(path, variable.start);
  if (from > path.length) return "";
  if (variable.end === Infinity) return decodeSegments(path.slice(from));
  const until = segmentStart(path, variable.end) - 1;
  if (variable.end === variable.start + 1) return decodeSegment(path.slice(from, until));
  return decodeSegments(path.slice(from, until));
}

/** Where a segment begins; one behind the path's end when it has none so far on. */
function segmentStart(path: string, index: number): number {
  let from = path.length === 1 ? 2 : 1;
  for (let count = 0; count < index && from <= path.length; count++) {
    const slash = path.indexOf("/", from);
    from = slash === -1 ? path.length + 1 : slash + 1;
  }
  return from;
}

function decodeSegments(raw: string): string {
  return raw.includes("%") ? raw.split(/(%2F)/i).map(keepSlash).join("") : raw;
}

function keepSlash(part: string): string {
  return part.length === 3 && part.toUpperCase() === "%2F" ? part : decodeSegment(part);
}

/** Percent-decodes; throws PATH_INVALID. */
export function decodeSegment(raw: string): string {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    throw fault(kitReasons.PATH_INVALID, `Expected percent-encoded UTF-8, found "${raw}".`);
  }
}

function parseSegment(part: string, text: string): TemplateSegment {
  if (part === "*") return { kind: "single" };
  if (part === "**") return { kind: "rest" };
  if (!literalPattern.test(part)) throw invalid(text, `expected a literal, "*", "**" or "{field}", found "${part}"`);
  return { kind: "literal", text: part };
}

function splitOutsideBraces(path: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let depth = 0;
  for (let at = 0; at < path.length; at++) {
    const char = path[at];
    if (char === "{") depth++;
    else if (char === "}") depth--;
    else if (char === "/" && depth === 0) {
      parts.push(path.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(path.slice(from));
  return parts;
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function invalid(text: string, problem: string): Error {
  return fault(kitReasons.TEMPLATE_INVALID, `The path template "${text}" is malformed: ${problem}.`);
}
