import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import type { JsonValue, MessageType } from "./contract.ts";
import { Item, Scalars } from "./testdata/golden.weir.ts";
import {
  Any,
  Duration,
  Empty,
  FieldMask,
  ListValue,
  Struct,
  Timestamp,
  Value,
  anyFrom,
  durationFromMs,
  messageFromAny,
  msFromDuration,
  msFromTimestamp,
  timestampFromMs,
} from "./well-known.ts";

function roundTrips<T>(type: MessageType<T>, pairs: readonly (readonly [T, JsonValue])[]): void {
  for (const [message, json] of pairs) {
    assert.equal(type.toJson(message), JSON.stringify(json));
    assert.deepEqual(type.fromJson(json), message);
  }
}

function refusesJson<T>(type: MessageType<T>, values: readonly JsonValue[]): void {
  for (const value of values) {
    assert.throws(
      () => type.fromJson(value),
      (error: unknown) => isFault(error) && error.reason === "JSON_INVALID",
      JSON.stringify(value),
    );
  }
}

function refusesMessage<T>(type: MessageType<T>, messages: readonly T[]): void {
  for (const message of messages)
    assert.throws(
      () => type.toJson(message),
      (error: unknown) => isFault(error) && error.reason === "MESSAGE_INVALID",
    );
}

test("Timestamp is RFC 3339 text with as many digits as needed", () => {
  roundTrips(Timestamp, [
    [{ seconds: 0n, nanos: 0 }, "1970-01-01T00:00:00Z"],
    [{ seconds: 1n, nanos: 500_000_000 }, "1970-01-01T00:00:01.500Z"],
    [{ seconds: -1n, nanos: 1000 }, "1969-12-31T23:59:59.000001Z"],
    [{ seconds: -62135596800n, nanos: 1 }, "0001-01-01T00:00:00.000000001Z"],
    [{ seconds: 253402300799n, nanos: 999_999_999 }, "9999-12-31T23:59:59.999999999Z"],
  ]);
  assert.deepEqual(Timestamp.fromJson("2026-02-28T23:30:00.1+01:30"), Timestamp.fromJson("2026-02-28T22:00:00.1Z"));
});

test("Timestamp refuses days that do not exist, other years and other forms", () => {
  refusesJson(Timestamp, ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z"]);
  refusesJson(Timestamp, ["2026-01-01T00:00:00", "2026-01-01", "2026-01-01t00:00:00z", "2026-01-01 00:00:00Z", ""]);
  refusesJson(Timestamp, ["0000-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00"]);
  refusesJson(Timestamp, ["2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00+25:00", null, 0, {}, []]);
  refusesMessage(Timestamp, [
    { seconds: 253402300800n, nanos: 0 },
    { seconds: -62135596801n, nanos: 0 },
    { seconds: 0n, nanos: -1 },
    { seconds: 0n, nanos: 1e9 },
  ]);
});

test("Duration is seconds with an s", () => {
  roundTrips(Duration, [
    [{ seconds: 0n, nanos: 0 }, "0s"],
    [{ seconds: 1n, nanos: 500_000_000 }, "1.500s"],
    [{ seconds: 0n, nanos: -500_000_000 }, "-0.500s"],
    [{ seconds: -3n, nanos: -1 }, "-3.000000001s"],
    [{ seconds: 315_576_000_000n, nanos: 0 }, "315576000000s"],
  ]);
  refusesJson(Duration, ["1", "s", "1.s", ".5s", "1.5S", "+1s", "1e3s", "315576000001s", "1.0000000001s", " 1s", "", 1, null]);
  refusesMessage(Duration, [
    { seconds: 1n, nanos: -1 },
    { seconds: -1n, nanos: 1 },
    { seconds: 315_576_000_001n, nanos: 0 },
  ]);
});

test("FieldMask is names in camel case, and refuses names that would not come back", () => {
  roundTrips(FieldMask, [
    [{ paths: [] }, ""],
    [{ paths: ["user.display_name", "id"] }, "user.displayName,id"],
  ]);
  refusesJson(FieldMask, ["a_b", 1, null, ["a"]]);
  refusesMessage(FieldMask, [{ paths: ["aB"] }, { paths: ["a__b"] }, { paths: ["a_1"] }]);
});

test("Value, Struct and ListValue are the JSON itself", () => {
  const json = JSON.parse('{"a":[1,null,"x",{"__proto__":true}],"b":{}}') as { [key: string]: JsonValue };
  roundTrips(Struct, [[json, json]]);
  roundTrips(Value, [
    [json, json],
    [null, null],
    ["", ""],
    [false, false],
    [-1.5, -1.5],
  ]);
  roundTrips(ListValue, [
    [
      [1, [null]],
      [1, [null]],
    ],
  ]);
  refusesJson(Struct, [null, [], "a", 1]);
  refusesJson(ListValue, [null, {}, "a"]);
  refusesJson(Value, [Infinity, NaN, ["\ud800"]]);
  refusesMessage(Value, [NaN, [Infinity], { a: undefined as unknown as null }]);
});

test("Value refuses to nest without end", () => {
  let json: JsonValue = 1;
  for (let depth = 0; depth < 100; depth++) json = [json];
  assert.equal(Value.toJson(Value.fromJson(json)), JSON.stringify(json));
  refusesJson(Value, [[json]]);
  refusesMessage(Value, [[json]]);
});

test("Empty has no fields", () => {
  roundTrips(Empty, [[{}, {}]]);
  refusesJson(Empty, [{ a: 1 }, null, []]);
});

test("Any keeps what it holds as JSON until it is read as a type", () => {
  const item = Item.create({ id: "i1" });
  const any = anyFrom(Item, item);
  const second = anyFrom(Duration, { seconds: 1n, nanos: 0 });
  roundTrips(Any, [
    [
      { ...any, value: undefined },
      { "@type": "type.googleapis.com/weir.golden.v1.Item", id: "i1" },
    ],
    [
      { ...second, value: undefined },
      { "@type": "type.googleapis.com/google.protobuf.Duration", value: "1s" },
    ],
    [Any.create(), {}],
  ]);
  assert.deepEqual(messageFromAny(Item, any), item);
  assert.equal(messageFromAny(Scalars, any), undefined);
  assert.deepEqual(
    messageFromAny(Duration, Any.fromJson({ "@type": "type.googleapis.com/google.protobuf.Duration", value: "1.5s" })),
    durationFromMs(1500),
  );
  refusesJson(Any, [{ id: "i1" }, { "@type": 1 }, { "@type": "" }, { "@type": "type.googleapis.com/" }, null, []]);
  assert.throws(() => messageFromAny(Item, Any.fromJson({ "@type": "x/weir.golden.v1.Item", nope: 1 })), /JSON field nope/);
  assert.throws(() => messageFromAny(Duration, Any.fromJson({ "@type": "x/google.protobuf.Duration", other: "1s" })), /JSON field other/);
});

test("Any keeps what it holds in binary until it is read as a type", () => {
  const item = Item.create({ id: "i1" });
  const any = Any.fromBinary(Any.toBinary(anyFrom(Item, item)));
  assert.deepEqual(any, { typeUrl: "type.googleapis.com/weir.golden.v1.Item", json: undefined, value: Item.toBinary(item) });
  assert.deepEqual(messageFromAny(Item, any), item);
  assert.equal(messageFromAny(Scalars, any), undefined);
  assert.deepEqual(Any.fromBinary(Any.toBinary(Any.create())), Any.create());
  refusesMessage(Any, [any]);
  assert.throws(() => Any.toBinary(Any.fromJson({ "@type": "x/weir.golden.v1.Item", id: "i1" })), /expected an Any made by anyFrom/);
  assert.throws(() => messageFromAny(Item, { ...any, value: Uint8Array.of(10) }), /byte 1: expected the rest of a number, found the end/);
});

test("times and durations convert to milliseconds and back", () => {
  for (const ms of [0, 1, -1, 1500, -1500, 1_760_000_000_123, -62135596800000, 0.25]) {
    assert.equal(msFromTimestamp(timestampFromMs(ms)), Math.floor(ms));
    assert.equal(msFromDuration(durationFromMs(ms)), ms);
  }
  assert.equal(Timestamp.toJson(timestampFromMs(-1)), '"1969-12-31T23:59:59.999Z"');
  assert.equal(Duration.toJson(durationFromMs(-1500)), '"-1.500s"');
});
