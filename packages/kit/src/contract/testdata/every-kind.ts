import type { MessageType } from "../contract.ts";
import { Grade, Graded, Knot, Money } from "./common.weir.ts";
import { Choices, Lists, Maps, Optionals, Scalars, WellKnown } from "./golden.weir.ts";

const numbers = {
  doubleField: 1.5,
  floatField: 0.5,
  int32Field: -1,
  int64Field: -1n,
  uint32Field: 2 ** 32 - 1,
  uint64Field: 2n ** 64n - 1n,
  sint32Field: -(2 ** 31),
  sint64Field: -(2n ** 63n),
  fixed32Field: 2 ** 32 - 1,
  fixed64Field: 2n ** 64n - 1n,
  sfixed32Field: -1,
  sfixed64Field: -1n,
  boolField: true,
  color: -1,
} as const;
const scalars = Scalars.create(numbers);
const times = { seconds: -1n, nanos: -1 };

/** A message of every kind of field: each scalar at its longest, lists, maps, oneofs, delimited messages, closed enums, well-known types. */
export const everyKind: readonly (readonly [type: MessageType<unknown>, message: unknown])[] = [
  [Scalars, { ...scalars, stringField: "é𝑎 and more than twelve", bytesField: Uint8Array.of(0, 255) }],
  [Optionals, Optionals.create({ ...numbers, scalars, color: -1 })],
  [Lists, Lists.create({ doubleField: [1, 2, 3], int32Field: [-1, -1], int64Field: [-(2n ** 63n)], boolField: [true] })],
  [
    Maps,
    Maps.create({
      byString: { a: "b", "": "" },
      byInt32: { "-1": -1 },
      byUint32: { "4294967295": 2 ** 32 - 1 },
      byInt64: { "-1": -1n },
      byUint64: { "18446744073709551615": 2n ** 64n - 1n },
      byBool: { true: true },
      doubles: { é: 1.5 },
      colors: { "more than twelve characters": -1 },
      scalars: { a: scalars },
      times: { "-1": times },
      values: { "7": [1.5, true, null, { a: "é" }] },
    }),
  ],
  [Choices, Choices.create({ choice: { case: "scalars", value: scalars }, otherChoice: { case: "left", value: 0 } })],
  [Graded, Graded.create({ grade: Grade.HIGH, grades: [Grade.LOW, Grade.HIGH] })],
  [Knot, Knot.create({ number: -1, knot: Knot.create({ knots: [Knot.create(), Knot.create({ number: 1 })] }) })],
  [Money, Money.create({ currency: "EUR", units: -1n, nanos: 0 })],
  [
    WellKnown,
    WellKnown.create({
      time: times,
      duration: times,
      wrappedDouble: 1.5,
      wrappedInt32: -1,
      wrappedInt64: -1n,
      wrappedUint64: 2n ** 64n - 1n,
      wrappedBool: true,
      wrappedString: "s",
      list: [1.5, null],
    }),
  ],
];
