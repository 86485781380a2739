import type { HttpRule, JsonValue, MethodDescriptor } from "../../contract/contract.ts";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { PathTemplate, TemplateVariable } from "../path-template.ts";
import { parsePathTemplate, variableValue } from "../path-template.ts";
import { jsonFromText } from "../protocol-connect.ts";
import type { BoundField, BoundFields, JsonObject } from "../query.ts";
import { addQuery, bindFields, setField } from "../query.ts";
import { faultAnswer, jsonAnswer } from "./answer.ts";
import type { StreamDialect, UnaryDialect } from "./dialect.ts";
import { createEventStream, createLineStream } from "./frames.ts";
import { createRawStream, createRawUnary } from "./raw-dialect.ts";
import type { ServedMethod } from "./rpc-server.ts";
import { checkAnswerBytes } from "./rpc-server.ts";

/** One google.api.http rule, prepared. Source: google/api/http.proto. */
export interface RestRoute {
  readonly method: ServedMethod;
  readonly rule: HttpRule;
  readonly template: PathTemplate;
  /** An answer as JSON text. */
  readonly text: (message: unknown) => string;
  readonly unary: UnaryDialect;
  /** Server streams, for EventSource and for anybody else. */
  readonly events: StreamDialect;
  readonly lines: StreamDialect;
  readonly variables: readonly { readonly variable: TemplateVariable; readonly bound: BoundField }[];
  /** What a query may set: not what the body sets; what the path sets is set after it. Empty when the whole body is the message. */
  readonly queryFields: BoundFields;
}

/** Where a REST request leads, and what its target brings. */
export interface RestTarget {
  readonly route: RestRoute;
  /** Without the verb. */
  readonly path: string;
  readonly query: string;
}

/** What a request brings for its message. */
export interface RestInput {
  /** Without the verb. */
  readonly path: string;
  readonly query: string;
  /** Undefined when the rule takes no body. Over WebSocket, where a rule that takes none takes the whole message, that of one message. */
  readonly bodyText: string | undefined;
}

/** Prepares a rule. Throws TEMPLATE_INVALID when a field of the template is none that a path can set. */
export function createRestRoute(method: ServedMethod, rule: HttpRule): RestRoute {
  const { descriptor } = method;
  const template = parsePathTemplate(rule.path);
  const all = bindFields(descriptor.fields);
  const variables = template.variables.map((variable) => {
    const bound = all.get(variable.field);
    if (!bound || bound.field.repeated) {
      throw fault(
        kitReasons.TEMPLATE_INVALID,
        `${rule.path} of ${descriptor.path}: "${variable.field}" is not a single scalar field of ${descriptor.input.typeName}.`,
      );
    }
    return { variable, bound };
  });
  const inBody = (json: string): boolean =>
    rule.body === "*" || (rule.body !== "" && (json === rule.body || json.startsWith(`${rule.body}.`)));
  const queryFields = bindFields(descriptor.fields.filter((field) => !inBody(field.json)));
  const text = (message: unknown): string => answerText(message, rule.responseBody, descriptor);
  const raw = rule.rawResponse === true ? rule.responseBody : undefined;
  const unary = raw === undefined ? createRestUnary(text) : createRawUnary(raw);
  const [events, lines] =
    raw === undefined ? [createEventStream(text), createLineStream(text)] : [createRawStream(raw), createRawStream(raw)];
  return { method, rule, template, text, unary, events, lines, variables, queryFields };
}

/** Reads the message from path, query and body. Throws JSON_INVALID, PATH_INVALID or QUERY_INVALID. */
export function messageFromRest(route: RestRoute, input: RestInput): unknown {
  const object = objectFromBody(route, input.bodyText);
  if (input.query !== "") addQuery(object, input.query, route.queryFields);
  for (const { variable, bound } of route.variables) setField(object, bound, variableValue(variable, input.path));
  return route.method.descriptor.input.fromJson(object);
}

function objectFromBody(route: RestRoute, bodyText: string | undefined): JsonObject {
  if (bodyText === undefined || bodyText === "") return {};
  const json = jsonFromText(bodyText, "body");
  if (route.rule.body !== "*" && route.rule.body !== "") return { [route.rule.body]: json };
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
  throw fault(
    kitReasons.JSON_INVALID,
    `Expected a JSON object as body, found ${Array.isArray(json) ? "a list" : JSON.stringify(json).slice(0, 40)}.`,
  );
}

function createRestUnary(text: (message: unknown) => string): UnaryDialect {
  return {
    answer(message, asked, call) {
      const body = Buffer.from(text(message));
      checkAnswerBytes(body.length, asked);
      return jsonAnswer(body, call);
    },
    refuse: (found, { domain, call }) => faultAnswer(found, { rest: true, domain, call }),
  };
}

/** The whole answer, or one field of it; a field that JSON leaves out stands at its default. */
function answerText(message: unknown, responseBody: string, descriptor: MethodDescriptor): string {
  const text = descriptor.output.toJson(message);
  if (responseBody === "") return text;
  const json = JSON.parse(text) as JsonObject;
  return JSON.stringify(json[responseBody] ?? defaultJson((message as Record<string, unknown>)[responseBody]));
}

function defaultJson(value: unknown): JsonValue {
  if (Array.isArray(value)) return [];
  if (typeof value === "string" || value instanceof Uint8Array) return "";
  if (typeof value === "bigint") return "0";
  if (typeof value === "number") return 0;
  if (typeof value === "boolean") return false;
  return value === undefined || value === null ? null : {};
}
