import type { FieldDescriptor, JsonValue } from "../contract/contract.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";

/** A JSON object under construction: the input of a message, before its codec reads it. */
export type JsonObject = { [key: string]: JsonValue };

/** A field that a path or query sets, with its way into the message cut into steps. */
export interface BoundField {
  readonly field: FieldDescriptor;
  /** JSON name and contract name of each step; the message is written by the first. */
  readonly steps: readonly { readonly json: string; readonly proto: string }[];
}

/** Fields by each name that a query may use: the JSON name and the contract's. */
export type BoundFields = ReadonlyMap<string, BoundField>;

/** Prepares the fields of a method for binding. Done once, at start. */
export function bindFields(fields: readonly FieldDescriptor[]): BoundFields {
  const bound = new Map<string, BoundField>();
  for (const field of fields) {
    const protoSteps = field.proto.split(".");
    const steps = field.json.split(".").map((json, index) => ({ json, proto: protoSteps[index] ?? json }));
    bound.set(field.json, { field, steps });
    bound.set(field.proto, { field, steps });
  }
  return bound;
}

/**
 * Sets the fields that a query names. Names that no field has are ignored, so that a client may be newer than the server.
 * Repeated fields gather every value in order. Throws QUERY_INVALID for bad percent-encoding and for a single-valued field
 * that is given twice; whether a value fits its field is for the message's codec to say.
 */
export function addQuery(target: JsonObject, query: string, fields: BoundFields): void {
  let seen: Set<FieldDescriptor> | undefined;
  for (const [name, value] of queryPairs(query)) {
    const bound = fields.get(name);
    if (!bound) continue;
    if (!bound.field.repeated) {
      seen ??= new Set();
      if (seen.has(bound.field))
        throw fault(kitReasons.QUERY_INVALID, `Expected "${bound.field.json}" at most once in the query, found it twice.`);
      seen.add(bound.field);
    }
    setField(target, bound, value);
  }
}

/** Sets one field from its text. What the object held under either name of the field gives way, except in lists. */
export function setField(target: JsonObject, bound: BoundField, text: string): void {
  let object = target;
  const last = bound.steps.length - 1;
  for (let index = 0; index < last; index++) {
    const step = bound.steps[index] as BoundField["steps"][number];
    const inner = object[step.json] ?? object[step.proto];
    const next: JsonObject = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? inner : {};
    if (step.proto !== step.json) delete object[step.proto];
    object = object[step.json] = next;
  }
  const step = bound.steps[last] as BoundField["steps"][number];
  if (step.proto !== step.json) delete object[step.proto];
  const value = valueFromText(bound.field, text);
  const list = object[step.json];
  if (!bound.field.repeated) object[step.json] = value;
  else if (Array.isArray(list)) list.push(value);
  else object[step.json] = [value];
}

/** The value of a name in a query, decoded; undefined when it is absent. Throws QUERY_INVALID. */
export function queryValue(query: string, name: string): string | undefined {
  for (const [found, value] of queryPairs(query)) if (found === name) return value;
  return undefined;
}

function* queryPairs(query: string): Generator<[name: string, value: string]> {
  let from = 0;
  while (from < query.length) {
    const ampersand = query.indexOf("&", from);
    const until = ampersand === -1 ? query.length : ampersand;
    if (until > from) {
      const equals = query.indexOf("=", from);
      const hasValue = equals !== -1 && equals < until;
      const name = decodePart(query.slice(from, hasValue ? equals : until));
      yield [name, hasValue ? decodePart(query.slice(equals + 1, until)) : ""];
    }
    from = until + 1;
  }
}

function decodePart(raw: string): string {
  const text = raw.includes("+") ? raw.replaceAll("+", " ") : raw;
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw fault(kitReasons.QUERY_INVALID, `Expected percent-encoded UTF-8 in the query, found "${raw}".`);
  }
}

/** Proto JSON reads numbers from text too, so only what has no text form is converted; anything else is left to the codec. */
function valueFromText(field: FieldDescriptor, text: string): JsonValue {
  if (field.kind === "bool") return text === "true" ? true : text === "false" ? false : text;
  if (field.kind === "enum") return isInteger(text) ? Number(text) : text;
  return text;
}

function isInteger(text: string): boolean {
  const first = text.charCodeAt(text.startsWith("-") ? 1 : 0);
  return first >= 48 && first <= 57 && Number.isInteger(Number(text));
}
