import type { DescEnum } from "@bufbuild/protobuf";
import type { Scope } from "./scope.ts";
import { localTypeName } from "./scope.ts";

/** A scope with the tables of the enums that its JSON code reads and writes. */
export interface JsonScope {
  readonly scope: Scope;
  readonly tables: Map<DescEnum, string>;
  /** Constants of the file by the code that makes them: patterns and bytes that rules compare with. */
  readonly constants: Map<string, string>;
}

/** A helper of the kit's JSON door by its name, imported. */
export function helper({ scope }: JsonScope, name: string): string {
  return scope.kit("contract/json", name, "value");
}

/** The type JsonValue, imported. */
export function jsonValueType({ scope }: JsonScope): string {
  return scope.kit("contract", "JsonValue", "type");
}

/** The constant that reads and writes an enum here. */
export function enumTable({ scope, tables }: JsonScope, desc: DescEnum): string {
  if (desc.typeName === "google.protobuf.NullValue") return scope.kit("contract/well-known", "nullValueJson", "value");
  const known = tables.get(desc);
  if (known !== undefined) return known;
  const name = localTypeName(desc);
  const fresh = scope.fresh(`${name.charAt(0).toLowerCase()}${name.slice(1)}Json`);
  tables.set(desc, fresh);
  return fresh;
}

/** The constants of all enums that were asked for. */
export function printEnumTables(json: JsonScope): string[] {
  return [...json.tables].flatMap(([desc, name]) => [
    `const ${name} = ${helper(json, "createEnumJson")}({`,
    `  typeName: ${JSON.stringify(desc.typeName)},`,
    `  open: ${desc.open},`,
    "  names: [",
    ...desc.values.flatMap((value) =>
      [...new Set([value.jsonName, value.name])].map((text) => `    [${JSON.stringify(text)}, ${value.number}],`),
    ),
    "  ],",
    "});",
    "",
  ]);
}

/** The constants that rules compare with. */
export function printConstants({ constants }: JsonScope): string[] {
  return [...constants].map(([code, name]) => `const ${name} = ${code};`);
}
