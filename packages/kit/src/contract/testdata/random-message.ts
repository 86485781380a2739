import assert from "node:assert/strict";
import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { JsonValue, MessageType } from "../contract.ts";
import { createMap } from "../json.ts";

/** Numbers from 0 to 1, the same ones for the same seed. */
export type Random = () => number;

/** The generated types by their full names. */
export type Types = ReadonlyMap<string, MessageType<unknown>>;

/** What a random message is made with. */
export interface RandomOptions {
  readonly random: Random;
  readonly types: Types;
  readonly depth?: number;
}

/** Pseudo-random numbers (mulberry32). */
export function randomFrom(start: number): Random {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of several, evenly. */
export function oneOf<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

/** Up to three. */
export function many<T>(random: Random, make: () => T): T[] {
  return Array.from({ length: Math.floor(random() * 4) }, make);
}

function randomText(random: Random): string {
  return many(random, () =>
    oneOf(random, ["a", "Z", " ", '"', "\\", "\n", "\u0000", "\u001f", "é", "影", "🎬", "\u2028", "/", "</script>", "__proto__"]),
  ).join("");
}

function randomJson(random: Random, depth: number): JsonValue {
  if (depth > 3 || random() < 0.5) return oneOf<JsonValue>(random, [null, true, false, Math.round(random() * 1e6) / 8, randomText(random)]);
  if (random() < 0.5) return many(random, () => randomJson(random, depth + 1));
  return Object.fromEntries(many(random, () => [randomText(random), randomJson(random, depth + 1)]));
}

function randomScalar(scalar: ScalarType, random: Random): unknown {
  switch (scalar) {
    case ScalarType.STRING:
      return randomText(random);
    case ScalarType.BOOL:
      return random() < 0.5;
    case ScalarType.BYTES:
      return Uint8Array.from(many(random, () => Math.floor(random() * 256)));
    case ScalarType.DOUBLE:
      return oneOf(random, [0, 1, -1.5, 0.1, 1e300, 5e-324, NaN, Infinity, -Infinity, random() * 1e6]);
    case ScalarType.FLOAT:
      return oneOf(random, [0, 1, -1.5, 3.4028234663852886e38, NaN, Infinity, -Infinity, Math.fround(random())]);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return oneOf(random, [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), BigInt(Math.floor(random() * 2 ** 53))]);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return oneOf(random, [0n, 1n, 2n ** 64n - 1n, BigInt(Math.floor(random() * 2 ** 53))]);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return oneOf(random, [0, 1, 2 ** 32 - 1, Math.floor(random() * 2 ** 32)]);
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return oneOf(random, [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), Math.floor((random() - 0.5) * 2 ** 32)]);
  }
}

function randomEnum(desc: DescEnum, random: Random): number {
  return desc.open && desc.typeName !== "google.protobuf.NullValue" && random() < 0.1 ? 4711 : oneOf(random, desc.values).number;
}

function randomWellKnown(desc: DescMessage, random: Random): unknown {
  const nanos = oneOf(random, [0, 1, 500_000_000, 123_000, 999_999_999]);
  switch (desc.name) {
    case "Timestamp":
      return { seconds: oneOf(random, [0n, -62135596800n, 253402300798n, BigInt(Math.floor(random() * 4e9))]), nanos };
    case "Duration":
      return random() < 0.5
        ? { seconds: oneOf(random, [0n, 1n, 315575999999n]), nanos }
        : { seconds: oneOf(random, [0n, -1n, -315575999999n]), nanos: nanos === 0 ? 0 : -nanos };
    case "FieldMask":
      return { paths: many(random, () => oneOf(random, ["a", "user.display_name", "a_b.c_d_e", "x"])) };
    case "Struct":
      return Object.fromEntries([...many(random, () => [randomText(random), randomJson(random, 0)]), ["__proto__", 1]]);
    case "ListValue":
      return many(random, () => randomJson(random, 1));
    case "Value":
      return randomJson(random, 0);
    default:
      return {};
  }
}

function randomValue(field: DescField, options: Required<RandomOptions>): unknown {
  const { random, types, depth } = options;
  if (field.enum !== undefined) return randomEnum(field.enum, random);
  if (field.message === undefined) return randomScalar(field.scalar as ScalarType, random);
  if (isWrapperDesc(field.message)) return randomScalar(field.message.fields[0]?.scalar as ScalarType, random);
  return field.message.typeName.startsWith("google.protobuf.")
    ? randomWellKnown(field.message, random)
    : randomMessage(field.message, { random, types, depth: depth + 1 });
}

function randomMember(member: DescMessage["members"][number], options: Required<RandomOptions>): unknown {
  const { random, depth } = options;
  if (member.kind === "oneof") {
    const field =
      random() < 0.2
        ? undefined
        : oneOf(
            random,
            member.fields.filter((one) => depth < 4 || one.message?.typeName !== member.parent.typeName),
          );
    return field === undefined ? { case: undefined } : { case: field.localName, value: randomValue(field, options) };
  }
  const isDeep = depth > 3 && member.message !== undefined;
  if (member.fieldKind === "list") return isDeep ? [] : many(random, () => randomValue(member, options));
  if (member.fieldKind === "map") {
    const map = createMap<unknown>();
    if (!isDeep) for (const key of many(random, () => String(randomScalar(member.mapKey, random)))) map[key] = randomValue(member, options);
    return map;
  }
  const hasPresence = member.fieldKind === "message" || member.presence !== FeatureSet_FieldPresence.IMPLICIT;
  return hasPresence && (isDeep || random() < 0.4) ? undefined : randomValue(member, options);
}

/** A message with every kind of value that its contract allows, and that JSON can carry. */
export function randomMessage(desc: DescMessage, { random, types, depth = 0 }: RandomOptions): unknown {
  const init: Record<string, unknown> = {};
  for (const member of desc.members) init[member.localName] = randomMember(member, { random, types, depth });
  const type = types.get(desc.typeName);
  assert.ok(type, desc.typeName);
  return type.create(init);
}
