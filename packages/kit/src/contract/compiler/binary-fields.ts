import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { valueKindOf } from "./field-kinds.ts";
import type { JsonScope } from "./json-scope.ts";
import { localTypeName } from "./scope.ts";

/** How a scalar stands in binary: the method of BinaryWriter and BinaryReader, and the wire type. */
export interface BinaryScalar {
  readonly method: string;
  readonly wire: 0 | 1 | 2 | 5;
}

const scalars: Readonly<Record<ScalarType, BinaryScalar>> = {
  [ScalarType.STRING]: { method: "string", wire: 2 },
  [ScalarType.BYTES]: { method: "bytes", wire: 2 },
  [ScalarType.BOOL]: { method: "bool", wire: 0 },
  [ScalarType.INT32]: { method: "int32", wire: 0 },
  [ScalarType.UINT32]: { method: "uint32", wire: 0 },
  [ScalarType.SINT32]: { method: "sint32", wire: 0 },
  [ScalarType.FIXED32]: { method: "fixed32", wire: 5 },
  [ScalarType.SFIXED32]: { method: "sfixed32", wire: 5 },
  [ScalarType.INT64]: { method: "int64", wire: 0 },
  [ScalarType.UINT64]: { method: "uint64", wire: 0 },
  [ScalarType.SINT64]: { method: "sint64", wire: 0 },
  [ScalarType.FIXED64]: { method: "fixed64", wire: 1 },
  [ScalarType.SFIXED64]: { method: "sfixed64", wire: 1 },
  [ScalarType.DOUBLE]: { method: "double", wire: 1 },
  [ScalarType.FLOAT]: { method: "float", wire: 5 },
};

/** What a value of a field is in binary. A wrapper is plain in TypeScript, but a message here. */
export type BinaryKind =
  | { readonly kind: "scalar"; readonly scalar: BinaryScalar }
  | { readonly kind: "wrapper"; readonly codec: string }
  | { readonly kind: "message"; readonly type: string; readonly delimited: boolean };

/** The kind of a field's value, of its items when it is a list, of its values when it is a map; what it needs is imported. */
export function binaryKindOf(field: DescField, { scope }: JsonScope): BinaryKind {
  const value = valueKindOf(field);
  if (value.kind === "enum") return { kind: "scalar", scalar: scalars[ScalarType.INT32] };
  if (value.kind === "message") {
    return { kind: "message", type: scope.type(value.desc, "value"), delimited: "delimitedEncoding" in field && field.delimitedEncoding };
  }
  if (field.message === undefined || !isWrapperDesc(field.message)) return { kind: "scalar", scalar: scalars[field.scalar as ScalarType] };
  const { name } = value.scalar;
  return {
    kind: "wrapper",
    codec: scope.kit("contract/binary-wrappers", `wrapped${name.charAt(0).toUpperCase()}${name.slice(1)}`, "value"),
  };
}

/** How the keys of a map stand in binary. */
export function binaryScalarOf(scalar: ScalarType): BinaryScalar {
  return scalars[scalar];
}

/** The wire type of one value that stands alone, as an item of a list that is not packed. */
export function wireOf(kind: BinaryKind): number {
  if (kind.kind === "scalar") return kind.scalar.wire;
  return kind.kind === "message" && kind.delimited ? 3 : 2;
}

/** Whether a list of the kind may be packed. */
export function isPackable(kind: BinaryKind): boolean {
  return kind.kind === "scalar" && kind.scalar.wire !== 2;
}

const sizes: Readonly<Record<string, number>> = {
  bool: 1,
  uint32: 5,
  sint32: 5,
  fixed32: 4,
  sfixed32: 4,
  float: 4,
  fixed64: 8,
  sfixed64: 8,
  double: 8,
};

/** How many bytes a scalar takes at most, with the tag of a field; 0 for what looks for its room itself. */
export function roomOf(kind: BinaryKind, number?: number): number {
  if (kind.kind !== "scalar" || kind.scalar.wire === 2) return 0;
  const tag = number === undefined ? 0 : number < 16 ? 1 : number < 2048 ? 2 : number < 262_144 ? 3 : number < 33_554_432 ? 4 : 5;
  return tag + (sizes[kind.scalar.method] ?? 10);
}

/** A tag as BinaryReader gives it and BinaryWriter takes it: unsigned. */
export function tagOf(number: number, wire: number): number {
  return ((number << 3) | wire) >>> 0;
}

const own = new Set(
  (
    "reader end into tag key value stop part undefined createMap emptyBytes arguments eval NaN Infinity " +
    "break case catch class const continue debugger default delete do else enum export extends false finally for function if import in " +
    "instanceof new null return super switch this throw true try typeof var void while with yield let static implements interface package " +
    "private protected public await async"
  ).split(" "),
);

/** The names of a reader's variables, by the names of the members: those that mean something else there get a trailing "_". */
export function variablesOf(desc: DescMessage): ReadonlyMap<string, string> {
  const types = new Set(
    desc.fields.flatMap(({ message, enum: values }) => [message, values].flatMap((one) => (one ? [localTypeName(one)] : []))),
  );
  return new Map(
    desc.members.map(({ localName }) => {
      const isFree =
        /^[a-z][\w$]*$/.test(localName) && !own.has(localName) && !types.has(localName) && !/^wrapped[A-Z]|Json/.test(localName);
      return [localName, isFree ? localName : `${localName.replaceAll(/[^\w$]/g, "_")}_`];
    }),
  );
}
