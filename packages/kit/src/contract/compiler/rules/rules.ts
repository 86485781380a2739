import type { DescExtension, DescField, DescMessage, DescOneof, Message, Registry } from "@bufbuild/protobuf";
import { getOption } from "@bufbuild/protobuf";
import { fault } from "../../../fault.ts";
import { kitReasons } from "../../../reasons.ts";
import { valueKindOf } from "../field-kinds.ts";

/** One message of rules, read by the names of its fields; those that were not set are undefined. */
export type Rules = Readonly<Record<string, unknown>>;

/** The rules of a field, an item, a key or a value. */
export interface FieldRules {
  readonly required: boolean;
  readonly ignore: "default" | "zero" | "always";
  /** "string", "repeated", "fieldMask" and the rules of that kind. */
  readonly kind: string | undefined;
  readonly rules: Rules;
}

/** At most one of these fields of a message is set; with `required` exactly one. */
export interface MessageOneof {
  readonly fields: readonly DescField[];
  readonly required: boolean;
}

const none: FieldRules = { required: false, ignore: "default", kind: undefined, rules: {} };
const ignores = { 0: "default", 1: "zero", 3: "always" } as const;

/** What `buf.validate` says of a field. Throws CONTRACT_INVALID for what Weir does not do, such as CEL. */
export function rulesOfField(field: DescField, registry: Registry): FieldRules {
  const extension = registry.getExtension("buf.validate.field");
  if (extension === undefined) return none;
  const found = fieldRulesFrom(optionOf(field, extension), field);
  const isInOneof = oneofsOfMessage(field.parent, registry).some(({ fields }) => fields.includes(field));
  return isInOneof && found.ignore === "default" ? { ...found, ignore: "zero" } : found;
}

/** The rules of the items of a list, or the keys or values of a map, as they stand in those of the field. */
export function rulesWithin(rules: Rules, name: "items" | "keys" | "values", field: DescField): FieldRules {
  const inner = rules[name];
  return inner === undefined ? none : fieldRulesFrom(inner as Message, field);
}

/** The groups of fields of a message of which only one may be set. */
export function oneofsOfMessage(message: DescMessage, registry: Registry): MessageOneof[] {
  const extension = registry.getExtension("buf.validate.message");
  if (extension === undefined) return [];
  const rules = rulesFrom(optionOf(message, extension), message);
  return ((rules["oneof"] ?? []) as Message[]).map((one) => {
    const { fields = [], required = false } = rulesFrom(one, message) as { fields?: string[]; required?: boolean };
    const found = fields.map((name) => {
      const field = message.fields.find((candidate) => candidate.name === name);
      if (field === undefined) throw refuse(message, `a field of it in (buf.validate.message).oneof`, JSON.stringify(name));
      return field;
    });
    if (found.length === 0 || new Set(found).size < found.length) {
      throw refuse(message, "different fields in (buf.validate.message).oneof", fields.join(", ") || "none");
    }
    return { fields: found, required };
  });
}

/** Whether one member of a oneof has to be set. */
export function isRequiredOneof(oneof: DescOneof, registry: Registry): boolean {
  const extension = registry.getExtension("buf.validate.oneof");
  return extension !== undefined && rulesFrom(optionOf(oneof, extension), oneof)["required"] === true;
}

/** Whether anything in a message, or in what it holds, has rules. */
export function hasRules(message: DescMessage, registry: Registry, seen: Set<DescMessage> = new Set()): boolean {
  if (registry.getExtension("buf.validate.field") === undefined || seen.has(message)) return false;
  seen.add(message);
  if (message.oneofs.some((oneof) => isRequiredOneof(oneof, registry)) || oneofsOfMessage(message, registry).length > 0) return true;
  return message.fields.some((field) => {
    const { required, kind, ignore } = rulesOfField(field, registry);
    if (ignore === "always") return false;
    if (required || kind !== undefined) return true;
    const value = valueKindOf(field);
    return value.kind === "message" && !value.desc.typeName.startsWith("google.protobuf.") && hasRules(value.desc, registry, seen);
  });
}

/** The Fault for rules that cannot be. */
export function refuse(on: { toString(): string }, expected: string, found: string): Error {
  return fault(kitReasons.CONTRACT_INVALID, `buf.validate of ${on.toString()}: expected ${expected}, found ${found}`);
}

function optionOf(desc: DescField | DescMessage | DescOneof, extension: DescExtension): Message {
  return getOption(desc as DescField, extension) as Message;
}

function fieldRulesFrom(message: Message, field: DescField): FieldRules {
  const {
    required = false,
    ignore = 0,
    type,
  } = rulesFrom(message, field) as {
    required?: boolean;
    ignore?: 0 | 1 | 3;
    type?: { case?: string; value?: Message };
  };
  const kind = type?.case;
  return { required, ignore: ignores[ignore], kind, rules: type?.value === undefined ? {} : rulesFrom(type.value, field) };
}

/** What was set. CEL is not done here, nor are rules that somebody else has defined. */
function rulesFrom(message: Message, on: { toString(): string }): Rules {
  const set: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message)) {
    const isEmpty = (Array.isArray(value) && value.length === 0) || (value as { case?: string } | undefined)?.case === undefined;
    if (name.startsWith("$") || value === undefined || (typeof value === "object" && "case" in value && isEmpty)) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    if (name.startsWith("cel"))
      throw refuse(on, "rules that stand in buf.validate itself", "an expression in CEL, which Weir does not run");
    set[name] = value;
  }
  const unknown = message.$unknown?.[0];
  if (unknown !== undefined) throw refuse(on, "rules that Weir knows", `field ${unknown.no}, such as a predefined rule`);
  return set;
}
