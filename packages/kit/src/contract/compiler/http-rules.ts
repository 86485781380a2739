import type { DescField, DescMessage, DescMethod, Message, Registry } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { FieldDescriptor, HttpRule } from "../contract.ts";
import { valueKindOf } from "./field-kinds.ts";

/** google.api.HttpRule as the registry reads it. */
interface GoogleHttpRule extends Message {
  readonly pattern: { readonly case: string | undefined; readonly value?: unknown };
  readonly body: string;
  readonly responseBody?: string;
  readonly additionalBindings: readonly GoogleHttpRule[];
}

const verbs = { get: "GET", put: "PUT", post: "POST", delete: "DELETE", patch: "PATCH" } as const;
const httpBody = "google.api.HttpBody";
const fieldDepthMax = 5;
const textTypes = new Set(["Timestamp", "Duration", "FieldMask"].map((name) => `google.protobuf.${name}`));

/** The REST bindings of a method, the additional ones behind the first. Throws CONTRACT_INVALID for one that cannot work. */
export function httpRulesOf(method: DescMethod, registry: Registry): HttpRule[] {
  const extension = registry.getExtension("google.api.http");
  if (extension === undefined || !hasOption(method, extension)) return [];
  const rule = getOption(method, extension) as GoogleHttpRule;
  return [rule, ...rule.additionalBindings].map((binding) => httpRuleFrom(binding, method));
}

/** Fields of a message that a path or a query may set, nested ones by their path, at most five deep. */
export function boundFieldsOf(message: DescMessage): FieldDescriptor[] {
  return fieldsBelow(message, { json: "", proto: "", above: [] });
}

function httpRuleFrom(rule: GoogleHttpRule, method: DescMethod): HttpRule {
  const refuse = (expected: string, found: string): Error =>
    fault(kitReasons.CONTRACT_INVALID, `google.api.http of ${method.toString()}: expected ${expected}, found ${found}`);
  const verb = verbs[rule.pattern.case as keyof typeof verbs];
  const path = rule.pattern.value;
  if (verb === undefined || typeof path !== "string") throw refuse("get, put, post, delete or patch", rule.pattern.case ?? "none");
  if (!path.startsWith("/")) throw refuse("a path that begins with /", JSON.stringify(path));
  for (const [, variable = ""] of path.matchAll(/\{([^}=]*)/g)) {
    if (!hasField(method.input, variable)) throw refuse(`a field of ${method.input.typeName} in {}`, JSON.stringify(variable));
  }
  if ((verb === "GET" || verb === "DELETE") && rule.body !== "") throw refuse(`no body with ${verb}`, JSON.stringify(rule.body));
  const responseBody = rule.responseBody ?? "";
  return {
    verb,
    path,
    body: jsonNameOf(rule.body, method.input),
    responseBody: jsonNameOf(responseBody, method.output),
    ...(rule.body !== "" && isRaw(rule.body, method.input) && { rawBody: true }),
    ...(isRaw(responseBody, method.output) && { rawResponse: true }),
  };

  function jsonNameOf(name: string, message: DescMessage): string {
    if (name === "" || name === "*") return name;
    const field = message.fields.find((candidate) => candidate.name === name);
    if (field === undefined) throw refuse(`a field of ${message.typeName} as body`, JSON.stringify(name));
    return field.jsonName;
  }
}

/** Whether a whole message ("" or "*") or a field of it is a body as it is. */
function isRaw(name: string, message: DescMessage): boolean {
  if (name === "" || name === "*") return message.typeName === httpBody;
  const field = message.fields.find((candidate) => candidate.name === name);
  return field?.fieldKind === "message" && field.message.typeName === httpBody;
}

function hasField(message: DescMessage, path: string): boolean {
  let current: DescMessage | undefined = message;
  for (const name of path.split(".")) {
    const field: DescField | undefined = current?.fields.find((candidate) => candidate.name === name);
    if (field === undefined) return false;
    current = field.message;
  }
  return true;
}

interface Below {
  readonly json: string;
  readonly proto: string;
  readonly above: readonly DescMessage[];
}

function fieldsBelow(message: DescMessage, { json, proto, above }: Below): FieldDescriptor[] {
  if (above.includes(message) || above.length >= fieldDepthMax) return [];
  return message.fields.flatMap((field): FieldDescriptor[] => {
    const names = { json: json + field.jsonName, proto: proto + field.name };
    const value = valueKindOf(field);
    if (field.fieldKind === "map") return [];
    const repeated = field.fieldKind === "list";
    if (value.kind === "enum") return [{ ...names, kind: "enum", repeated }];
    if (value.kind === "scalar") return [{ ...names, kind: queryKind(value.scalar.name), repeated }];
    if (textTypes.has(value.desc.typeName)) return [{ ...names, kind: "string", repeated }];
    if (repeated || value.desc.typeName.startsWith("google.protobuf.") || value.desc.typeName === httpBody) return [];
    return fieldsBelow(value.desc, { json: `${names.json}.`, proto: `${names.proto}.`, above: [...above, message] });
  });
}

function queryKind(name: string): FieldDescriptor["kind"] {
  return name === "string" || name === "bool" || name === "bytes" ? name : "number";
}
