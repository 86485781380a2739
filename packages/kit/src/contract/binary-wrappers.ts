import type { BinaryReader } from "./binary-reader.ts";
import { emptyBytes } from "./binary-reader.ts";
import type { BinaryWriter } from "./binary-writer.ts";

/** Reads and writes one of the wrappers (google.protobuf.StringValue, …), which are plain values in TypeScript. */
export interface WrapperBinary<T> {
  write(writer: BinaryWriter, tag: number, value: T): void;
  /** `before` is what the same field held already. */
  read(reader: BinaryReader, before?: T): T;
}

interface WrapperOptions<T> {
  readonly tag: number;
  readonly zero: T;
  isZero?(value: T): boolean;
  write(writer: BinaryWriter, tag: number, value: T): void;
  read(reader: BinaryReader): T;
}

function createWrapper<T>({ tag, zero, isZero = (value) => value === zero, write, read }: WrapperOptions<T>): WrapperBinary<T> {
  return {
    write(writer, field, value) {
      const mark = writer.open(field);
      writer.room(11);
      if (!isZero(value)) write(writer, tag, value);
      writer.close(mark);
    },
    read(reader, before = zero) {
      const end = reader.open();
      let value = before;
      while (reader.at < end) {
        const part = reader.tag();
        if (part === tag) value = read(reader);
        else reader.skip(part);
      }
      reader.close(end);
      return value;
    },
  };
}

const number = { zero: 0, isZero: (value: number): boolean => Object.is(value, 0) };

/** google.protobuf.DoubleValue. */
export const wrappedDouble: WrapperBinary<number> = createWrapper({
  ...number,
  tag: 9,
  write: (writer, tag, value) => writer.double(tag, value),
  read: (reader) => reader.double(),
});

/** google.protobuf.FloatValue. */
export const wrappedFloat: WrapperBinary<number> = createWrapper({
  ...number,
  tag: 13,
  write: (writer, tag, value) => writer.float(tag, value),
  read: (reader) => reader.float(),
});

/** google.protobuf.Int64Value. */
export const wrappedInt64: WrapperBinary<bigint> = createWrapper({
  tag: 8,
  zero: 0n,
  write: (writer, tag, value) => writer.int64(tag, value),
  read: (reader) => reader.int64(),
});

/** google.protobuf.UInt64Value. */
export const wrappedUint64: WrapperBinary<bigint> = createWrapper({
  tag: 8,
  zero: 0n,
  write: (writer, tag, value) => writer.uint64(tag, value),
  read: (reader) => reader.uint64(),
});

/** google.protobuf.Int32Value. */
export const wrappedInt32: WrapperBinary<number> = createWrapper({
  tag: 8,
  zero: 0,
  write: (writer, tag, value) => writer.int32(tag, value),
  read: (reader) => reader.int32(),
});

/** google.protobuf.UInt32Value. */
export const wrappedUint32: WrapperBinary<number> = createWrapper({
  tag: 8,
  zero: 0,
  write: (writer, tag, value) => writer.uint32(tag, value),
  read: (reader) => reader.uint32(),
});

/** google.protobuf.BoolValue. */
export const wrappedBool: WrapperBinary<boolean> = createWrapper({
  tag: 8,
  zero: false,
  write: (writer, tag, value) => writer.bool(tag, value),
  read: (reader) => reader.bool(),
});

/** google.protobuf.StringValue. */
export const wrappedString: WrapperBinary<string> = createWrapper({
  tag: 10,
  zero: "",
  write: (writer, tag, value) => writer.string(tag, value),
  read: (reader) => reader.string(),
});

/** google.protobuf.BytesValue. */
export const wrappedBytes: WrapperBinary<Uint8Array> = createWrapper({
  tag: 10,
  zero: emptyBytes,
  isZero: (value) => value.length === 0,
  write: (writer, tag, value) => writer.bytes(tag, value),
  read: (reader) => reader.bytes(),
});
