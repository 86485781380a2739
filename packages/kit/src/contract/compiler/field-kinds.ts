import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";

/** What one value of a field is. A wrapper (google.protobuf.StringValue) counts as the scalar that it wraps. */
export type ValueKind =
  | { readonly kind: "scalar"; readonly scalar: ScalarKind }
  | { readonly kind: "enum"; readonly desc: DescEnum }
  | { readonly kind: "message"; readonly desc: DescMessage };

/** How a scalar is named in generated code: `int32From`, `int32Text`; its TypeScript type; its default as code. */
export interface ScalarKind {
  readonly name: "string" | "bool" | "int32" | "uint32" | "int64" | "uint64" | "double" | "float" | "bytes";
  readonly type: string;
  readonly zero: string;
}

const string: ScalarKind = { name: "string", type: "string", zero: '""' };
const bool: ScalarKind = { name: "bool", type: "boolean", zero: "false" };
const int32: ScalarKind = { name: "int32", type: "number", zero: "0" };
const uint32: ScalarKind = { name: "uint32", type: "number", zero: "0" };
const int64: ScalarKind = { name: "int64", type: "bigint", zero: "0n" };
const uint64: ScalarKind = { name: "uint64", type: "bigint", zero: "0n" };
const double: ScalarKind = { name: "double", type: "number", zero: "0" };
const float: ScalarKind = { name: "float", type: "number", zero: "0" };
const bytes: ScalarKind = { name: "bytes", type: "Uint8Array", zero: "new Uint8Array(0)" };

const scalars: Readonly<Record<ScalarType, ScalarKind>> = {
  [ScalarType.STRING]: string,
  [ScalarType.BOOL]: bool,
  [ScalarType.INT32]: int32,
  [ScalarType.SINT32]: int32,
  [ScalarType.SFIXED32]: int32,
  [ScalarType.UINT32]: uint32,
  [ScalarType.FIXED32]: uint32,
  [ScalarType.INT64]: int64,
  [ScalarType.SINT64]: int64,
  [ScalarType.SFIXED64]: int64,
  [ScalarType.UINT64]: uint64,
  [ScalarType.FIXED64]: uint64,
  [ScalarType.DOUBLE]: double,
  [ScalarType.FLOAT]: float,
  [ScalarType.BYTES]: bytes,
};

/** The kind of a field's value, of its items when it is a list, of its values when it is a map. */
export function valueKindOf(field: DescField): ValueKind {
  if (field.enum !== undefined) return { kind: "enum", desc: field.enum };
  if (field.message !== undefined) {
    const wrapped = isWrapperDesc(field.message) ? field.message.fields[0]?.scalar : undefined;
    return wrapped === undefined ? { kind: "message", desc: field.message } : { kind: "scalar", scalar: scalars[wrapped] };
  }
  return { kind: "scalar", scalar: scalars[field.scalar as ScalarType] };
}

/** The kind of the keys of a map. */
export function keyKindOf(scalar: ScalarType): ScalarKind {
  return scalars[scalar];
}

/** Whether null is a value of the kind, not the absence of one: google.protobuf.Value and NullValue. */
export function takesNull(value: ValueKind): boolean {
  return (
    value.kind !== "scalar" && (value.desc.typeName === "google.protobuf.Value" || value.desc.typeName === "google.protobuf.NullValue")
  );
}

/** Property access and property name, quoted where the name is no identifier. */
export function access(name: string): string {
  return isIdentifier(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

/** A name as a key of an object or an interface. */
export function keyText(name: string): string {
  if (name === "__proto__") return '["__proto__"]';
  return isIdentifier(name) ? name : JSON.stringify(name);
}

function isIdentifier(name: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(name);
}
