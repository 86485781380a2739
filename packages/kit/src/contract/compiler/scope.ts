import type { DescEnum, DescFile, DescMessage } from "@bufbuild/protobuf";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { Layout } from "./layout.ts";
import { specifierOfContract, specifierOfKit } from "./layout.ts";

/** The names of one generated file: what it declares, what it imports, and under which name. */
export interface Scope {
  readonly file: DescFile;
  /** Name of a message or an enum here; imported when it is from another contract. */
  type(desc: DescMessage | DescEnum, use: "type" | "value"): string;
  /** A name of one of the kit's doors ("contract/json"), imported. */
  kit(door: string, name: string, use: "type" | "value"): string;
  /** A name that nothing else here has. */
  fresh(name: string): string;
  /** The import statements of everything asked for, in a stable order. */
  imports(): string[];
}

/** Words and globals that generated code cannot have as the name of a type, and its own local names. */
const reserved = new Set(
  (
    "break case catch class const continue debugger default delete do else enum export extends false finally for function if import in " +
    "instanceof new null return super switch this throw true try typeof var void while with yield let static implements interface package " +
    "private protected public await async any unknown never string number boolean bigint symbol object undefined type " +
    "Array AsyncIterable Object Partial Promise Record Uint8Array JSON " +
    "above at bytes end entries index init into item items json key list mark message nowMs part reader stop tag text value writer"
  ).split(" "),
);

/** Opens the scope of a file: its own types have their names first, imports give way. */
export function createScope(file: DescFile, layout: Layout): Scope {
  const taken = declaredNames(file);
  const imports = new Map<string, Map<string, { as: string; value: boolean }>>();

  function fresh(name: string): string {
    let free = name;
    for (let count = 2; taken.has(free) || reserved.has(free); count++) free = `${name}_${count}`;
    taken.set(free, "");
    return free;
  }

  function imported(specifier: string, name: string, use: "type" | "value"): string {
    const names = imports.get(specifier) ?? new Map<string, { as: string; value: boolean }>();
    imports.set(specifier, names);
    const known = names.get(name) ?? { as: fresh(name), value: false };
    names.set(name, known);
    known.value ||= use === "value";
    return known.as;
  }

  return {
    file,
    fresh,
    kit: (door, name, use) => imported(specifierOfKit(layout, { from: file.proto.name, door }), name, use),
    type(desc, use) {
      if (desc.file.proto.name === file.proto.name) return localTypeName(desc);
      if (desc.typeName.startsWith("google.protobuf.")) return this.kit("contract/well-known", wellKnownName(desc), use);
      return imported(specifierOfContract(layout, { from: file.proto.name, to: desc.file.proto.name }), localTypeName(desc), use);
    },
    imports: () => [...imports].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([specifier, names]) => importLines(specifier, names)),
  };
}

/** "Outer_Inner" for a nested type; a trailing "_" where the name is taken by the language or by generated code. */
export function localTypeName(desc: DescMessage | DescEnum): string {
  const name = desc.parent === undefined ? desc.name : `${localTypeName(desc.parent)}_${desc.name}`;
  return reserved.has(name) ? `${name}_` : name;
}

/** Every message and enum of a file in the order of the contract, nested ones after what holds them. */
export function typesOf(file: DescFile): { readonly messages: DescMessage[]; readonly enums: DescEnum[] } {
  const messages: DescMessage[] = [];
  const enums: DescEnum[] = [...file.enums];
  const visit = (message: DescMessage): void => {
    messages.push(message);
    enums.push(...message.nestedEnums);
    message.nestedMessages.forEach(visit);
  };
  file.messages.forEach(visit);
  return { messages, enums };
}

const wellKnown = new Set(["Any", "Duration", "Empty", "FieldMask", "ListValue", "NullValue", "Struct", "Timestamp", "Value"]);

function wellKnownName(desc: DescMessage | DescEnum): string {
  if (wellKnown.has(desc.name) && desc.parent === undefined) return desc.name;
  throw fault(
    kitReasons.CONTRACT_INVALID,
    `${desc.typeName}: expected one of ${[...wellKnown].join(", ")} of google.protobuf, found another`,
  );
}

function declaredNames(file: DescFile): Map<string, string> {
  const taken = new Map<string, string>();
  const declare = (name: string, owner: string): void => {
    const other = taken.get(name);
    if (other !== undefined)
      throw fault(kitReasons.CONTRACT_INVALID, `${file.proto.name}: ${owner} and ${other} are both called ${name} in TypeScript`);
    taken.set(name, owner);
  };
  const { messages, enums } = typesOf(file);
  for (const desc of [...messages, ...enums]) declare(localTypeName(desc), desc.toString());
  for (const service of file.services) for (const suffix of ["", "Handlers", "Client"]) declare(service.name + suffix, service.toString());
  return taken;
}

function importLines(specifier: string, names: ReadonlyMap<string, { as: string; value: boolean }>): string[] {
  return [false, true].flatMap((value) => {
    const wanted = [...names].filter(([, use]) => use.value === value).sort(([a], [b]) => (a < b ? -1 : 1));
    if (wanted.length === 0) return [];
    const list = wanted.map(([name, use]) => (use.as === name ? name : `${name} as ${use.as}`)).join(", ");
    return [`import ${value ? "" : "type "}{ ${list} } from ${JSON.stringify(specifier)};`];
  });
}
