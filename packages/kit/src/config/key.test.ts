import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "../contract/contract.ts";
import type { ConfigKey } from "./key.ts";
import { bytes, durationMs, flag, integer, keyFrom, list, map, number, oneOf, optional, parsed, record, secret, text } from "./key.ts";
import { nearestName } from "./nearest-name.ts";
import type { Place } from "./place.ts";
import { checkSchema, maskedValue, secretTexts } from "./schema.ts";
import { Key } from "./config.weir.ts";
import { bytesFrom, bytesText, durationMsFrom, durationText } from "./unit-text.ts";

/** The value, or what is wrong with it. */
function read(key: ConfigKey<unknown>, json: JsonValue): unknown {
  const place: Place = { path: "key", secret: false, problems: [] };
  const value = key.read(json, place);
  return place.problems.length === 0 ? value : place.problems.map((one) => `${one.key}: ${one.expected}, ${one.found}`).join("; ");
}

const servers = list(record({ host: text({ min: 1 }), port: integer({ default: 80, max: 65_535 }), note: optional(text()) }), { max: 2 });

/** Keys, what they take, and what becomes of it. */
const cases: readonly [ConfigKey<unknown>, JsonValue, unknown][] = [
  [text({ min: 1, max: 3 }), "abc", "abc"],
  [text({ min: 1, max: 3 }), "", 'key: a text of 1 to 3 characters, ""'],
  [text(), 5, "key: a text, 5"],
  [integer({ min: 0, max: 5 }), 5, 5],
  [integer({ min: 0, max: 5 }), 6, "key: a whole number from 0 to 5, 6"],
  [integer(), 1.5, "key: a whole number, 1.5"],
  [integer(), 2 ** 53, "key: a whole number, 9007199254740992"],
  [integer(), "5", 'key: a whole number, "5"'],
  [number({ max: 1 }), 0.5, 0.5],
  [number({ max: 1 }), 1.5, "key: a number of at most 1, 1.5"],
  [flag(), false, false],
  [flag(), "false", 'key: true or false, "false"'],
  [durationMs(), "1.5s", 1500],
  [durationMs(), 250, 250],
  [durationMs(), "-1s", 'key: a duration, in milliseconds or such as "1.5s", "-1s"'],
  [durationMs({ min: 10 }), 5, 'key: a duration of at least 10ms, in milliseconds or such as "1.5s", 5'],
  [bytes(), "64KiB", 65_536],
  [bytes({ max: 1024 }), "2KiB", 'key: bytes from 0B to 1KiB, as a number or such as "64KiB", "2KiB"'],
  [bytes(), 1.5, 'key: bytes, as a number or such as "64KiB", 1.5'],
  [oneOf(["a", "b"]), "b", "b"],
  [oneOf(["a", "b"]), "c", 'key: one of "a", "b", "c"'],
  [list(integer()), [1, 2], [1, 2]],
  [list(integer()), [1, "x"], 'key[1]: a whole number, "x"'],
  [servers, [{ host: "a" }], [{ host: "a", port: 80, note: undefined }]],
  [servers, [{ host: "a", prot: 1 }], 'key[0].prot: a known name, the nearest is port, "prot"'],
  [servers, [{ port: 1 }], "key[0].host: a value, nothing"],
  [servers, [{}, {}, {}], "key: a list of 0 to 2, a list of 3"],
  [servers, "hunter2", "key: a list of 0 to 2, a string"],
  [map(integer(), { max: 1 }), { a: 1 }, { a: 1 }],
  [map(integer(), { max: 1 }), { a: 1, b: 2 }, "key: 0 to 1 entries, 2"],
  [map(integer()), [1], "key: an object of named entries, a list of 1"],
  [map(integer()), null, "key: an object of named entries, a null"],
];

test("keys take what fits and say of the rest what was expected and what was found", () => {
  for (const [key, json, expected] of cases) assert.deepEqual(read(key, json), expected, JSON.stringify(json));
});

test("a key that was described and made again elsewhere judges the same", () => {
  for (const [key, json, expected] of cases)
    assert.deepEqual(read(keyFrom(Key.fromBinary(Key.toBinary(key.spec))), json), expected, JSON.stringify(json));
});

test("a key of one's own parsing takes what its function does", () => {
  const pattern = parsed((json) => new RegExp(json as string), { expected: "a regular expression", default: "^a" });
  assert.deepEqual(read(pattern, "b+"), /b+/);
  assert.match(String(read(pattern, "(")), /^key: a regular expression \(Invalid regular expression.*\), "\("$/);
  assert.equal(read(secret(pattern), "("), "key: a regular expression, (secret)");
  assert.deepEqual(checkSchema({ pattern }).defaults.get("pattern"), /^a/);
});

test("secrets are masked and known wherever they are within a value", () => {
  const key = map(record({ user: text(), password: secret(text()), keys: secret(list(text())) }));
  const value = { main: { user: "ada", password: "hunter2", keys: ["k1", "k2"] } };
  assert.deepEqual(maskedValue(value, key.spec), { main: { user: "ada", password: "(secret)", keys: "(secret)" } });
  assert.deepEqual(secretTexts(value, key.spec), ["hunter2", "k1", "k2"]);
  assert.equal(read(key, { main: { user: 1, password: 2, keys: [] } }), "key.main.user: a text, 1; key.main.password: a text, (secret)");
  assert.doesNotMatch(JSON.stringify(checkSchema({ a: secret(text({ default: "hunter2" })), b: key }).specs), /hunter2/);
});

test("a schema that cannot stand is refused", () => {
  const refused = (schema: Record<string, ConfigKey<unknown>>, message: RegExp): void =>
    assert.throws(() => checkSchema(schema), { reason: "CONFIG_SCHEMA_INVALID", message });
  refused({ "Cache.ttl": text() }, /found "Cache\.ttl"/);
  refused({ "a..b": text() }, /found "a\.\.b"/);
  refused({ a: text(), "a.b": text() }, /found it to be both, because of "a\.b"/);
  refused({ a: integer({ default: 7, max: 5 }) }, /Expected a whole number of at most 5 as the default of a, found 7/);
});

test("the nearest name is the one that was most likely meant", () => {
  const known = ["cache.ttlMs", "cache.entriesMax", "log.level", "port"];
  const found = ["cache.tlMs", "cache.ttlms", "lgo.level", "prot", "cache.entries", "nothing", "p".repeat(1000)].map((name) =>
    nearestName(name, known),
  );
  assert.deepEqual(found, ["cache.ttlMs", "cache.ttlMs", "log.level", "port", "cache.entriesMax", undefined, undefined]);
});

test("durations and bytes are read as they are written", () => {
  for (const ms of [0, 1, 999, 1000, 1500, 90_000, 3_600_000, 86_400_000]) assert.equal(durationMsFrom(durationText(ms)), ms);
  for (const count of [0, 1, 1000, 1024, 1536, 1_000_000, 1_048_576]) assert.equal(bytesFrom(bytesText(count)), count);
  assert.deepEqual(["1.1s", "2 h", "1", "s", "1S", "1e3s", "__proto__"].map(durationMsFrom), [
    1100,
    7_200_000,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual(["1.5KiB", "1.5B", "0.3MB", "1kb"].map(bytesFrom), [1536, undefined, 300_000, undefined]);
});
