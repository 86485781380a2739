import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Config } from "@weir/kit/config";
import { createConfig } from "@weir/kit/config";
import { Outcome } from "@weir/kit/config/configs";
import { controlSource } from "@weir/kit/config/control-source";
import { environmentSource } from "@weir/kit/config/environment-source";
import type { ConfigKey, RestartOnlyKey } from "@weir/kit/config/key";
import { durationMs, integer, map, restartOnly, secret, text } from "@weir/kit/config/key";
import { Role } from "@weir/api/identity";
import { isFault } from "@weir/kit/fault";
import type { TestControl } from "../fixtures/control.ts";
import { startControl } from "../fixtures/control.ts";
import type { TestDatabase } from "../fixtures/databases.ts";
import { createSqliteFile, databaseKinds } from "../fixtures/databases.ts";
import { reasonOf, testTokens } from "../fixtures/house.ts";
import { until } from "../fixtures/until.ts";

const schema: {
  "cache.ttlMs": ConfigKey<number>;
  "cache.entriesMax": ConfigKey<number>;
  password: ConfigKey<string>;
  port: RestartOnlyKey<number>;
  limits: ConfigKey<Readonly<Record<string, number>>>;
} = {
  "cache.ttlMs": durationMs({ default: 1000, max: 3_600_000 }),
  "cache.entriesMax": integer({ default: 10, min: 1 }),
  password: secret(text({ default: "" })),
  port: restartOnly(integer({ default: 7000 })),
  limits: map(integer({ min: 0 })),
};

type FeedConfig = Config<typeof schema>;

async function subscribe(
  house: TestControl,
  { version = "v1", variables = {} }: { version?: string; variables?: Record<string, string> } = {},
) {
  const control = controlSource({ url: house.control.url, token: testTokens.instance, service: "feed", version });
  const environment = environmentSource({ prefix: "FEED_CONFIG_", variables });
  const config: FeedConfig = await createConfig({ schema, sources: [control, environment] });
  return Object.assign(config, { instance: control.instance });
}

async function put(house: TestControl, values: Record<string, never> | object, more: object = {}): Promise<bigint> {
  const request = { service: "feed", values: values as Record<string, string>, reason: "a test", ...more };
  return (await house.admin.configs.put(request)).revision;
}

async function instanceOf(house: TestControl, instance: string) {
  const { instances } = await house.admin.configs.get({ service: "feed" });
  return instances.find((one) => one.instance === instance);
}

for (const kind of databaseKinds) {
  describe(`settings over ${kind.name}`, { skip: kind.skip, timeout: 60_000 }, () => {
    const withHouse = async (use: (house: TestControl, database: TestDatabase) => Promise<void>): Promise<void> => {
      const database = await kind.create();
      const house = await startControl({}, database);
      try {
        await use(house, database);
      } finally {
        await house.close();
      }
    };

    test("a change reaches the instances, is confirmed, and stands in the audit", () =>
      withHouse(async (house) => {
        await using config = await subscribe(house);
        assert.equal(config.get("cache.ttlMs"), 1000);
        assert.equal(await put(house, { "cache.ttlMs": "2s", limits: { ada: 5 } }), 1n);
        await until(() => config.get("cache.ttlMs") === 2000, "the change");
        assert.deepEqual(config.get("limits"), { ada: 5 });
        await until(async () => (await instanceOf(house, config.instance))?.outcome === Outcome.APPLIED, "the confirmation");
        // The same again is no change.
        assert.equal(await put(house, { "cache.ttlMs": "2s" }), 1n);
        assert.equal(await put(house, {}, { remove: ["cache.ttlMs"] }), 2n);
        await until(() => config.get("cache.ttlMs") === 1000, "the default");
        const { entries } = await house.admin.audit.listEntries({ resource: "config/feed" });
        const told = entries.map(({ action, from, to, outcome }) => [action, from, to, outcome]);
        assert.deepEqual(told[1], ["Configs.Put", '{"values":{}}', '{"values":{"cache.ttlMs":"2s","limits":{"ada":5}}}', "done"]);
        assert.equal(told[2]?.[0], "Configs.Subscribe");
        assert.ok((await house.admin.audit.verifyChain({})).whole);
      }));

    test("each bad change is refused whole, with every key, what was expected and what was found", () =>
      withHouse(async (house) => {
        await using config = await subscribe(house);
        await put(house, { "cache.ttlMs": 5 });
        const values = {
          "cache.ttlMs": "2h",
          "cache.entriesMax": 0,
          "cache.tlMs": 1,
          limits: { ada: -1 },
          password: 7_654_321,
          port: 7001,
        };
        const refusal = await put(house, values).catch((error: unknown) => error);
        assert.ok(isFault(refusal));
        assert.equal(refusal.reason, "CONFIG_VALUES_INVALID");
        const details = refusal.details.filter(({ typeName }) => typeName === "weir.config.v1.Problem").map(({ value }) => value);
        assert.deepEqual(details, [
          { key: "cache.tlMs", expected: "a known name, the nearest is cache.ttlMs", found: '"cache.tlMs"' },
          { key: "cache.ttlMs", expected: 'a duration from 0ms to 1h, in milliseconds or such as "1.5s"', found: '"2h"' },
          { key: "cache.entriesMax", expected: "a whole number of at least 1", found: "0" },
          { key: "limits.ada", expected: "a whole number of at least 0", found: "-1" },
          { key: "password", expected: "a text", found: "(secret)" },
        ]);
        const { revision, scopes } = await house.admin.configs.get({ service: "feed" });
        assert.deepEqual([revision, scopes[0]?.values, config.get("cache.ttlMs")], [1n, { "cache.ttlMs": 5 }, 5]);
        const { entries } = await house.admin.audit.listEntries({ resource: "config/feed", limit: 1 });
        assert.equal(entries[0]?.outcome, "CONFIG_VALUES_INVALID");
        assert.doesNotMatch(
          JSON.stringify(entries, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
          /7654321/,
        );
      }));

    test("secrets arrive and are shown nowhere", () =>
      withHouse(async (house) => {
        await using config = await subscribe(house);
        await put(house, { password: "hunter2" });
        await until(() => config.get("password") === "hunter2", "the secret");
        const seen = await house.admin.configs.get({ service: "feed" });
        assert.deepEqual(seen.scopes[0]?.values, { password: "(secret)" });
        const { entries } = await house.admin.audit.listEntries({ limit: 100 });
        const all = JSON.stringify([entries, seen, config.explain()], (_, value: unknown) =>
          typeof value === "bigint" ? String(value) : value,
        );
        assert.doesNotMatch(all, /hunter2/);
        // What was shown, sent back, is not taken for the secret.
        assert.equal(await reasonOf(put(house, { password: "(secret)" })), "CONFIG_VALUES_INVALID");
      }));

    test("an instance that refuses says why and keeps what it had; restarts and stronger sources are told", () =>
      withHouse(async (house) => {
        await using config = await subscribe(house, { variables: { FEED_CONFIG_CACHE_TTL_MS: "9s" } });
        config.subscribe(
          ["cache.entriesMax"],
          (now) => {
            if (now["cache.entriesMax"] > 100) throw new Error("no memory for so many");
          },
          { name: "the cache" },
        );
        await put(house, { "cache.entriesMax": 50, "cache.ttlMs": 3, port: 7001 });
        await until(async () => (await instanceOf(house, config.instance))?.outcome === Outcome.APPLIED, "the confirmation");
        const applied = await instanceOf(house, config.instance);
        assert.deepEqual([applied?.needsRestart, applied?.shadowed, applied?.revision], [["port"], ["cache.ttlMs"], 1n]);
        assert.deepEqual([config.get("cache.ttlMs"), config.get("port"), config.get("cache.entriesMax")], [9000, 7000, 50]);
        await put(house, { "cache.entriesMax": 500, limits: { ada: 1 } });
        await until(async () => (await instanceOf(house, config.instance))?.outcome === Outcome.REFUSED, "the refusal");
        const refused = await instanceOf(house, config.instance);
        assert.deepEqual(refused?.problems, [
          { key: "cache.entriesMax", expected: "a value that the cache takes", found: "no memory for so many" },
        ]);
        assert.deepEqual([refused?.revision, config.get("cache.entriesMax"), config.get("limits")], [1n, 50, {}]);
        const { services } = await house.admin.configs.list({});
        assert.deepEqual(services, [{ service: "feed", revision: 2n, connected: 1, applied: 0, refused: 1 }]);
      }));

    test("what is set for a version wins there and leaves the others alone", () =>
      withHouse(async (house) => {
        await using old = await subscribe(house);
        await using fresh = await subscribe(house, { version: "v2" });
        assert.equal(await put(house, { "cache.ttlMs": 1 }), 1n);
        assert.equal(await put(house, { "cache.ttlMs": 2 }, { version: "v2" }), 2n);
        await until(() => fresh.get("cache.ttlMs") === 2, "the change of the version");
        await until(async () => (await instanceOf(house, old.instance))?.revision === 2n, "the other to confirm as well");
        assert.equal(old.get("cache.ttlMs"), 1);
        assert.equal(await reasonOf(put(house, { "cache.ttlMs": 2 }, { version: "v3" })), "CONFIG_SERVICE_UNKNOWN");
        assert.equal(await reasonOf(put(house, { "cache.ttlMs": 2 }, { expectedRevision: 1n })), "CONFIG_CHANGED");
        assert.equal(await put(house, { "cache.ttlMs": 3 }, { expectedRevision: 2n }), 3n);
      }));

    test("many instances that come at once say once what they take, and versions that know other keys live beside them", () =>
      withHouse(async (house) => {
        const many = await Promise.all(Array.from({ length: 10 }, () => subscribe(house)));
        const count = async (): Promise<number> =>
          (await house.admin.audit.listEntries({ resource: "config/feed", limit: 100 })).entries.length;
        assert.equal(await count(), 1);
        const source = controlSource({ url: house.control.url, token: testTokens.instance, service: "feed", version: "v2" });
        await using fresh = await createConfig({
          schema: { "cache.ttlMs": durationMs({ default: 1, max: 50 }), fresh: integer({ default: 0 }) },
          sources: [source],
        });
        assert.equal(await count(), 2);
        // Every version that knows a key has a say; a key that only one knows goes to that one.
        assert.equal(await reasonOf(put(house, { "cache.ttlMs": 60 })), "CONFIG_VALUES_INVALID");
        await put(house, { "cache.ttlMs": 40, fresh: 4, port: 7000 });
        await until(
          () => many.every((config) => config.get("cache.ttlMs") === 40) && fresh.get("cache.ttlMs") === 40,
          "the change everywhere",
        );
        assert.equal(fresh.get("fresh"), 4);
        await until(async () => (await house.admin.configs.list({})).services[0]?.applied === 11, "everybody to confirm");
        await Promise.all(many.map((config) => config.close()));
        await until(async () => (await house.admin.configs.list({})).services[0]?.connected === 1, "the others to be gone");
      }));

    test("settings outlive control, and are there before an instance starts", () =>
      withHouse(async (house, database) => {
        await using config = await subscribe(house);
        await put(house, { "cache.ttlMs": 7, password: "hunter2" });
        await until(() => config.get("cache.ttlMs") === 7, "the change");
        await house.control.stop();
        const again = await startControl({}, { ...database, drop: async () => undefined });
        await using late = await subscribe(again);
        assert.deepEqual([late.get("cache.ttlMs"), late.get("password"), late.revision], [7, "hunter2", 1]);
        await again.close();
      }));
  });
}

describe("settings", { timeout: 30_000 }, () => {
  test("are for those whose role and services reach to them", async (t) => {
    const house = await startControl();
    t.after(() => house.close());
    await using config = await subscribe(house);
    assert.ok(config.instance.startsWith("feed-v1-"));
    const roles = { configs: house.instance.configs };
    assert.equal(await reasonOf(roles.configs.put({ service: "feed", values: { port: 1 }, reason: "x" })), "ROLE_INSUFFICIENT");
    assert.equal(await reasonOf(house.admin.configs.confirm({ service: "feed" })), "ROLE_INSUFFICIENT");
    const { token } = await house.admin.identity.createToken({ name: "vera", role: Role.VIEWER, services: ["shop"], reason: "x" });
    const answer = await house.ask("GET", "/v1/configs/feed", { token });
    assert.equal(answer.json.reason, "SERVICE_NOT_PERMITTED");
    assert.deepEqual((await house.ask("GET", "/v1/configs", { token })).json, {});
    assert.equal(
      (await house.ask("PUT", "/v1/configs/feed", { token, body: { values: {}, reason: "x" } })).json.reason,
      "ROLE_INSUFFICIENT",
    );
    assert.equal(await reasonOf(put(house, { "cache.ttlMs": 1 }, { reason: " " })), "REASON_MISSING");
  });

  test("that an instance holds are not taken away by a control that has lost its database, until it sets something", async (t) => {
    const house = await startControl();
    t.after(() => house.close());
    const port = Number(new URL(house.control.url).port);
    await using config = await subscribe(house);
    await put(house, { "cache.ttlMs": 8 });
    await until(() => config.get("cache.ttlMs") === 8, "the change");
    await house.close();
    await until(() => config.explain().sources[0]?.state === "away", "control to be away");
    const lost = await startControl({ port });
    t.after(() => lost.close());
    await until(async () => (await lost.admin.configs.list({})).services[0]?.connected === 1, "the instance to be back");
    assert.deepEqual([config.get("cache.ttlMs"), config.explain().sources[0]?.revision], [8, "1"]);
    // It counts from the beginning: the same number, and not what is held.
    assert.equal(await put(lost, { "cache.entriesMax": 3 }), 1n);
    await until(() => config.get("cache.entriesMax") === 3, "the first change of the new one");
    assert.equal(config.get("cache.ttlMs"), 1000);
  });

  test("of one number are told apart when they come from another database", async (t) => {
    const house = await startControl();
    t.after(() => house.close());
    const port = Number(new URL(house.control.url).port);
    await using config = await subscribe(house);
    await put(house, { "cache.ttlMs": 8 });
    await until(() => config.get("cache.ttlMs") === 8, "the change");
    await house.close();
    // Another database counts to one as well, before the instance sees it.
    const database = createSqliteFile();
    const hidden = await startControl({}, { ...database, drop: async () => undefined });
    t.after(() => hidden.close());
    await using other = await subscribe(hidden);
    assert.equal(await put(hidden, { "cache.ttlMs": 9 }), 1n);
    await until(() => other.get("cache.ttlMs") === 9, "the change there");
    await hidden.close();
    const shown = await startControl({ port }, database);
    t.after(() => shown.close());
    await until(() => config.get("cache.ttlMs") === 9, "the other database's first change");
  });

  test("do not keep an instance from starting when control is away or says what does not fit", async (t) => {
    const away = controlSource({ url: "http://127.0.0.1:1", service: "feed", waitMsMax: 50 });
    await using alone = await createConfig({ schema, sources: [away] });
    assert.deepEqual([alone.get("cache.ttlMs"), alone.explain().sources[0]?.state], [1000, "away"]);
    const house = await startControl();
    t.after(() => house.close());
    await using config = await subscribe(house);
    await put(house, { "cache.ttlMs": 5000 });
    const source = controlSource({ url: house.control.url, token: testTokens.instance, service: "feed", version: "v2" });
    await using narrow = await createConfig({ schema: { "cache.ttlMs": durationMs({ default: 1, max: 50 }) }, sources: [source] });
    assert.equal(narrow.get("cache.ttlMs"), 1);
    assert.equal(narrow.explain().sources[0]?.refused?.revision, "1");
    await until(async () => (await instanceOf(house, source.instance))?.outcome === Outcome.REFUSED, "the refusal");
    assert.equal(config.get("cache.ttlMs"), 5000);
  });

  test("of subscribers that cannot be are refused", async (t) => {
    const house = await startControl();
    t.after(() => house.close());
    const first = async (request: object): Promise<string> =>
      await reasonOf(
        house.instance.configs
          .subscribe({ service: "feed", version: "v1", instance: "a", keys: [], ...request })
          [Symbol.asyncIterator]()
          .next(),
      );
    assert.equal(await first({ service: "Feed!" }), "CONFIG_SUBSCRIBER_INVALID");
    assert.equal(await first({ version: "" }), "CONFIG_SUBSCRIBER_INVALID");
    assert.equal(await first({ instance: "" }), "CONFIG_SUBSCRIBER_INVALID");
    assert.equal(await first({ keys: [schema.port.spec, schema.port.spec] }), "CONFIG_SUBSCRIBER_INVALID");
    assert.equal(await first({}), "none");
  });
});
