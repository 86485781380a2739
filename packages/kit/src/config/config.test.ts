import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "../contract/contract.ts";
import { isFault } from "../fault.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import type { Config } from "./config.ts";
import { createConfig } from "./config.ts";
import { environmentSource } from "./environment-source.ts";
import { durationMs, integer, map, optional, record, restartOnly, secret, text } from "./key.ts";
import type { OfferOutcome } from "./source.ts";
import type { PushedSource } from "./testdata/pushed-source.ts";
import { pushedSource } from "./testdata/pushed-source.ts";

const schema = {
  "cache.ttlMs": durationMs({ default: 30_000, max: 3_600_000 }),
  "cache.entriesMax": integer({ default: 1000, min: 1 }),
  port: restartOnly(integer({ default: 7000, min: 0, max: 65_535 })),
  password: secret(text({ default: "" })),
  policies: map(record({ timeoutMs: optional(durationMs()), retries: optional(integer({ min: 0, max: 5 })) })),
};

interface Made {
  readonly config: Config<typeof schema>;
  readonly source: PushedSource;
  push(values: Record<string, JsonValue>, revision?: string): Promise<OfferOutcome>;
}

async function made(initial: Record<string, JsonValue> = {}, options: { subscriberMsMax?: number } = {}): Promise<Made> {
  const clock = createVirtualClock();
  const source = pushedSource(initial);
  const config = await createConfig({ schema, sources: [source], clock, ...options });
  return { config, source, push: (values, revision) => source.push(values, revision) };
}

test("a configuration without sources has the defaults, typed", async () => {
  const config = await createConfig({ schema });
  const ttlMs: number = config.get("cache.ttlMs");
  const timeoutMs: number | undefined = config.get("policies")["a"]?.timeoutMs;
  assert.deepEqual([ttlMs, timeoutMs, config.revision], [30_000, undefined, 1]);
  assert.ok(Object.isFrozen(config.values));
  // @ts-expect-error: a key that needs a restart has no subscribers.
  assert.throws(() => config.subscribe(["port"], () => undefined), { reason: "CONFIG_SCHEMA_INVALID" });
});

test("the last source wins key by key, and explain says what it shadows", async () => {
  const weak = pushedSource({ "cache.ttlMs": "1m", "cache.entriesMax": 5 }, "weak");
  const environment = environmentSource({ prefix: "FEED_", variables: { FEED_CACHE_TTL_MS: "90s", OTHER: "x" } });
  const config = await createConfig({ schema, sources: [weak, environment] });
  assert.equal(config.get("cache.ttlMs"), 90_000);
  assert.equal(config.get("cache.entriesMax"), 5);
  const ttl = config.explain().keys.find(({ key }) => key === "cache.ttlMs");
  assert.deepEqual([ttl?.value, ttl?.source, ttl?.shadowed], ["90s", "environment FEED_*", [{ source: "weak", value: "1m" }]]);
  const outcome = await weak.push({ "cache.ttlMs": "5m" });
  assert.deepEqual(outcome, { taken: true, needsRestart: [], shadowed: ["cache.ttlMs"] });
  assert.equal(config.get("cache.ttlMs"), 90_000);
  assert.equal(config.get("cache.entriesMax"), 1000);
});

test("a change is refused whole, with every key, what was expected and what was found", async () => {
  const { config, push } = await made({ "cache.ttlMs": 5 });
  const outcome = await push({
    "cache.ttlMs": "2 hours",
    "cache.entriesMax": 0,
    "cache.ttlMS": 7,
    policies: { a: { retries: 9 } },
    port: 1,
  });
  assert.deepEqual(outcome, {
    taken: false,
    problems: [
      { key: "cache.ttlMs", expected: 'a duration from 0ms to 1h, in milliseconds or such as "1.5s"', found: '"2 hours"' },
      { key: "cache.entriesMax", expected: "a whole number of at least 1", found: "0" },
      { key: "cache.ttlMS", expected: "a known name, the nearest is cache.ttlMs", found: '"cache.ttlMS"' },
      { key: "policies.a.retries", expected: "a whole number from 0 to 5", found: "9" },
    ],
  });
  assert.equal(config.get("cache.ttlMs"), 5);
  assert.equal(config.revision, 1);
  assert.equal(config.explain().sources[0]?.refused?.problems.length, 4);
  assert.deepEqual(await push({ "cache.ttlMs": 6 }), { taken: true, needsRestart: [], shadowed: [] });
  assert.equal(config.explain().sources[0]?.refused, undefined);
});

test("subscribers hear of their keys only, with what is and what was, before it is in force", async () => {
  const { config, push } = await made();
  const heard: unknown[] = [];
  const leave = config.subscribe(["cache.ttlMs", "policies"], (now, before) => {
    heard.push([before["cache.ttlMs"], now["cache.ttlMs"], Object.keys(now.policies), config.get("cache.ttlMs")]);
  });
  await push({ "cache.entriesMax": 4 });
  await push({ "cache.ttlMs": 4, policies: { a: { timeoutMs: "1s" } } });
  // Written otherwise, it is the same.
  await push({ "cache.ttlMs": "4ms", policies: { a: { timeoutMs: 1000 } } });
  leave();
  await push({ "cache.ttlMs": 9 });
  assert.deepEqual(heard, [[30_000, 4, ["a"], 30_000]]);
  assert.equal(config.get("cache.ttlMs"), 9);
});

test("a subscriber that refuses rolls the others back in reverse order and nothing is in force", async () => {
  const { config, push } = await made({ "cache.ttlMs": 1 });
  const steps: string[] = [];
  for (const name of ["first", "second"]) config.subscribe(["cache.ttlMs"], (now) => void steps.push(`${name} ${now["cache.ttlMs"]}`));
  config.subscribe(
    ["cache.ttlMs", "cache.entriesMax"],
    (now) => {
      steps.push("third");
      throw new Error(`no room for ${now["cache.entriesMax"]}`);
    },
    { name: "the cache" },
  );
  config.subscribe(["cache.ttlMs"], () => void steps.push("never"));
  const outcome = await push({ "cache.ttlMs": 2 });
  assert.deepEqual(steps, ["first 2", "second 2", "third", "second 1", "first 1"]);
  assert.deepEqual(outcome, {
    taken: false,
    problems: [{ key: "cache.ttlMs", expected: "a value that the cache takes", found: "no room for 1000" }],
  });
  assert.deepEqual([config.get("cache.ttlMs"), config.revision], [1, 1]);
});

test("a subscriber that does not answer in time refuses, and is told to go back too", async () => {
  const clock = createVirtualClock();
  const source = pushedSource({});
  const config = await createConfig({ schema, sources: [source], clock, subscriberMsMax: 200 });
  const told: number[] = [];
  config.subscribe(["cache.ttlMs"], async (now) => {
    told.push(now["cache.ttlMs"]);
    if (now["cache.ttlMs"] === 2) await new Promise(() => undefined);
  });
  const pushed = source.push({ "cache.ttlMs": 2 });
  await clock.advance(200);
  const outcome = await pushed;
  assert.equal(!outcome.taken && outcome.problems[0]?.found, "no answer within 200 ms");
  assert.deepEqual(told, [2, 30_000]);
});

test("changes that come at once are taken one after the other", async () => {
  const { config, push } = await made();
  const seen: number[] = [];
  let busy = 0;
  config.subscribe(["cache.entriesMax"], async (now) => {
    assert.equal(busy++, 0);
    await Promise.resolve();
    seen.push(now["cache.entriesMax"]);
    busy--;
  });
  await Promise.all([1, 2, 3].map((count) => push({ "cache.entriesMax": count })));
  assert.deepEqual([seen, config.revision], [[1, 2, 3], 4]);
});

test("a key that needs a restart is reported and not applied", async () => {
  const { config, push } = await made({ port: 1 });
  assert.deepEqual(await push({ port: 2, "cache.ttlMs": 3 }), { taken: true, needsRestart: ["port"], shadowed: [] });
  assert.deepEqual([config.get("port"), config.get("cache.ttlMs")], [1, 3]);
  const { keys, needsRestart } = config.explain();
  const port = keys.find(({ key }) => key === "port");
  assert.deepEqual([port?.value, port?.afterRestart, needsRestart], [1, 2, ["port"]]);
  assert.deepEqual(await push({ port: 3, "cache.ttlMs": 3 }), { taken: true, needsRestart: ["port"], shadowed: [] });
  assert.equal(config.revision, 2, "nothing that is in force has changed");
  assert.deepEqual(await push({ port: 1 }), { taken: true, needsRestart: [], shadowed: [] });
  assert.deepEqual(config.explain().needsRestart, []);
});

test("secrets stand in no explanation, no log and no refusal", async () => {
  const lines: string[] = [];
  const write = (message: string, fields?: object): void => void lines.push(message + JSON.stringify(fields));
  const log = { debug: write, info: write, warn: write, error: write, with: () => log };
  const source = pushedSource({ password: "hunter2-old" });
  const config = await createConfig({ schema, sources: [source], log });
  config.subscribe(["password"], (now) => {
    throw new Error(`cannot sign in with ${now.password}`);
  });
  const refusals = [await source.push({ password: "hunter2-new" }), await source.push({ password: 12_345_678 })];
  const all = JSON.stringify([refusals, config.explain(), lines]);
  assert.doesNotMatch(all, /hunter2|12345678|1\.2345678/);
  assert.match(all, /cannot sign in with \(secret\)/);
  assert.equal(config.get("password"), "hunter2-old");
});

test("a start with values that do not fit, or without one that must be there, is refused", async () => {
  const needed = { name: text({ min: 1 }) };
  await assert.rejects(createConfig({ schema: needed }), (error: unknown) => {
    assert.ok(isFault(error));
    assert.equal(error.reason, "CONFIG_INVALID");
    assert.match(error.message, /name: expected a value from any source, found nothing/);
    return true;
  });
  const variables = { FEED_CACHE_TTL_MS: "soon", FEED_CACH_TTL_MS: "1s" };
  await assert.rejects(createConfig({ schema, sources: [environmentSource({ prefix: "FEED_", variables })] }), {
    message:
      "The environment cannot be used: FEED_CACH_TTL_MS: expected a known variable, the nearest is FEED_CACHE_TTL_MS, found another; " +
      'cache.ttlMs: expected a duration from 0ms to 1h, in milliseconds or such as "1.5s", found "soon" in FEED_CACHE_TTL_MS.',
  });
});

test("metrics count changes and refusals", async () => {
  const { config, push } = await made();
  const metrics = createMetrics();
  config.observe(metrics);
  await push({ "cache.ttlMs": 1, port: 5 });
  await push({ "cache.ttlMs": "x" });
  const shown = metrics.text();
  assert.match(shown, /^weir_config_revision 2$/m);
  assert.match(shown, /^weir_config_needs_restart 1$/m);
  assert.match(shown, /^weir_config_refusals_total\{source="pushed"\} 1$/m);
});
