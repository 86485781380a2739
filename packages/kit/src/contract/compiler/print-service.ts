import type { DescEnum, DescMethod, DescService, Message, Registry } from "@bufbuild/protobuf";
import { getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { codes, fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { MethodKind } from "../contract.ts";
import { keyText } from "./field-kinds.ts";
import { boundFieldsOf, httpRulesOf } from "./http-rules.ts";
import { printPolicy } from "./policy-options.ts";
import { printFiles } from "./print-descriptor.ts";
import { printComment } from "./print-types.ts";
import type { Scope } from "./scope.ts";
import { localTypeName } from "./scope.ts";

const kinds: Readonly<Record<DescMethod["methodKind"], MethodKind>> = {
  unary: "unary",
  server_streaming: "server_stream",
  client_streaming: "client_stream",
  bidi_streaming: "bidi_stream",
};

/** A service: the interface of its handlers, the interface of its client, and its descriptor. */
export function printService(service: DescService, scope: Scope, registry: Registry): string[] {
  const { name } = service;
  const descriptor = scope.kit("contract", "ServiceDescriptor", "type");
  const methodDescriptor = scope.kit("contract", "MethodDescriptor", "type");
  return [
    `/** What an app that serves ${name} implements. */`,
    `export interface ${name}Handlers {`,
    ...service.methods.flatMap((method) => [...printComment(method, "  "), `  ${handlerText(method, scope)}`]),
    "}",
    "",
    `/** What a caller of ${name} has. A Call given is the parent of the new one. */`,
    `export interface ${name}Client {`,
    ...service.methods.flatMap((method) => [...printComment(method, "  "), `  ${clientText(method, scope)}`]),
    "}",
    "",
    ...printComment(service),
    `export const ${name}: ${descriptor}<`,
    `  ${name}Handlers,`,
    `  ${name}Client,`,
    "  {",
    ...service.methods.map((method) => {
      const types = `${scope.type(method.input, "value")}, ${scope.type(method.output, "value")}`;
      return `    readonly ${keyText(localName(method))}: ${methodDescriptor}<${types}>;`;
    }),
    "  }",
    "> = {",
    `  typeName: ${JSON.stringify(service.typeName)},`,
    printFiles(service.file),
    "  methods: {",
    ...service.methods.flatMap((method) => printMethod(method, scope, registry).map((line) => `    ${line}`)),
    "  },",
    "};",
    "",
  ];
}

/** The reasons of an enum with `option (weir.errors) = true`; undefined for any other enum. */
export function printReasons(desc: DescEnum, registry: Registry): string[] | undefined {
  const error = registry.getExtension("weir.error");
  if (error === undefined || !isReasons(desc, registry)) return undefined;
  const lines = desc.values.flatMap((value) => {
    if (value.number === 0) return [];
    const { code, meaning } = getOption(value, error) as Message & { readonly code: string; readonly meaning: string };
    if (!Object.hasOwn(codes, code) || meaning === "") {
      const found = `code ${JSON.stringify(code)} and meaning ${JSON.stringify(meaning)}`;
      throw fault(kitReasons.CONTRACT_INVALID, `(weir.error) of ${value.toString()}: expected a gRPC code and a meaning, found ${found}`);
    }
    const fields = `reason: ${JSON.stringify(reasonName(value.localName))}, code: ${JSON.stringify(code)}, meaning: ${JSON.stringify(meaning)}`;
    return [...printComment(value, "  "), `  ${keyText(reasonName(value.localName))}: { ${fields} },`];
  });
  return [...printComment(desc), `export const ${localTypeName(desc)} = {`, ...lines, "} as const;", ""];
}

/** Whether an enum is a catalogue of error reasons. */
export function isReasons(desc: DescEnum, registry: Registry): boolean {
  const errors = registry.getExtension("weir.errors");
  return errors !== undefined && getOption(desc, errors) === true;
}

function reasonName(name: string): string {
  return name.replace(/\$$/, "");
}

function localName(method: DescMethod): string {
  return method.name.charAt(0).toLowerCase() + method.name.slice(1);
}

function isStreaming(method: DescMethod): { readonly request: boolean; readonly answer: boolean } {
  const kind = method.methodKind;
  return {
    request: kind === "client_streaming" || kind === "bidi_streaming",
    answer: kind === "server_streaming" || kind === "bidi_streaming",
  };
}

function handlerText(method: DescMethod, scope: Scope): string {
  const { request, answer } = isStreaming(method);
  const input = scope.type(method.input, "value");
  const taken = request ? `requests: AsyncIterable<${input}>` : `request: ${input}`;
  const given = `${answer ? "AsyncIterable" : "Promise"}<${scope.type(method.output, "value")}>`;
  return `${keyText(localName(method))}(${taken}, call: ${scope.kit("call", "Call", "type")}): ${given};`;
}

function clientText(method: DescMethod, scope: Scope): string {
  const { request, answer } = isStreaming(method);
  const input = `Partial<${scope.type(method.input, "value")}>`;
  const taken = request ? `requests: AsyncIterable<${input}>` : `request: ${input}`;
  const call = `call?: ${scope.kit("call", "Call", "type")} | ${scope.kit("call", "CallOptions", "type")}`;
  return `${keyText(localName(method))}(${taken}, ${call}): ${answer ? "AsyncIterable" : "Promise"}<${scope.type(method.output, "value")}>;`;
}

function printMethod(method: DescMethod, scope: Scope, registry: Registry): string[] {
  const rules = httpRulesOf(method, registry);
  const fields = rules.length === 0 ? [] : boundFieldsOf(method.input);
  return [
    `${keyText(localName(method))}: {`,
    `  name: ${JSON.stringify(method.name)},`,
    `  localName: ${JSON.stringify(localName(method))},`,
    `  path: ${JSON.stringify(`/${method.parent.typeName}/${method.name}`)},`,
    `  kind: ${JSON.stringify(kinds[method.methodKind])},`,
    `  input: ${scope.type(method.input, "value")},`,
    `  output: ${scope.type(method.output, "value")},`,
    `  idempotency: ${JSON.stringify(idempotencyOf(method))},`,
    ...printList("http", rules),
    ...printList("fields", fields),
    ...printPolicy({ method, idempotency: idempotencyOf(method), kind: kinds[method.methodKind] }, registry).map((line) => `  ${line}`),
    "},",
  ];
}

function printList(name: string, items: readonly object[]): string[] {
  if (items.length === 0) return [`  ${name}: [],`];
  const lines = items.map((item) => {
    const fields = Object.entries(item).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
    return `    { ${fields.join(", ")} },`;
  });
  return [`  ${name}: [`, ...lines, "  ],"];
}

function idempotencyOf(method: DescMethod): "none" | "safe" | "idempotent" {
  if (method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return "safe";
  return method.idempotency === MethodOptions_IdempotencyLevel.IDEMPOTENT ? "idempotent" : "none";
}
