import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "./config.ts";
import { createConfig } from "./config.ts";
import { environmentSource, variableName } from "./environment-source.ts";
import type { ConfigKey } from "./key.ts";
import { bytes, durationMs, flag, integer, list, map, number, oneOf, secret, text } from "./key.ts";

const schema = {
  name: text({ default: "" }),
  "cache.ttlMs": durationMs({ default: 0 }),
  "body.bytesMax": bytes({ default: 0 }),
  share: number({ default: 0 }),
  isOn: flag({ default: false }),
  level: oneOf(["low", "high"], { default: "low" }),
  hosts: list(text(), { default: [] }),
  ports: list(integer(), { default: [] }),
  limits: map(integer()),
  password: secret(text({ default: "" })),
  tokens: map(secret(text())),
};

async function read(variables: Record<string, string>): Promise<Config<Record<string, ConfigKey<unknown>>>> {
  return await createConfig({
    schema: schema as Record<string, ConfigKey<unknown>>,
    sources: [environmentSource({ prefix: "FEED_", variables })],
  });
}

test("variables are read by the kind of their key", async () => {
  const variables = {
    FEED_NAME: "42",
    FEED_CACHE_TTL_MS: "1.5s",
    FEED_BODY_BYTES_MAX: "1024",
    FEED_SHARE: "-0.5",
    FEED_IS_ON: "true",
    FEED_LEVEL: "high",
    FEED_HOSTS: "a, b",
    FEED_PORTS: "[1, 2]",
    FEED_LIMITS: '{ "ada": 5 }',
    FEED_PASSWORD: "007",
    FEED_TOKENS: "",
    PATH: "/bin",
  };
  const { values } = await read(variables);
  assert.deepEqual(values, {
    name: "42",
    "cache.ttlMs": 1500,
    "body.bytesMax": 1024,
    share: -0.5,
    isOn: true,
    level: "high",
    hosts: ["a", "b"],
    ports: [1, 2],
    limits: { ada: 5 },
    password: "007",
    tokens: {},
  });
  assert.deepEqual(["cache.ttlMs", "body.bytesMax", "a.b2C", "http2Max"].map(variableName), [
    "CACHE_TTL_MS",
    "BODY_BYTES_MAX",
    "A_B2_C",
    "HTTP2_MAX",
  ]);
});

test("a variable that does not fit keeps the process from starting, and names itself but no secret", async () => {
  const refused = async (variables: Record<string, string>, message: RegExp): Promise<void> =>
    await assert.rejects(read(variables), { reason: "CONFIG_INVALID", message });
  await refused({ FEED_SHARE: "half" }, /share: expected a number, found "half" in FEED_SHARE\.$/);
  await refused({ FEED_IS_ON: "1" }, /isOn: expected true or false, found "1" in FEED_IS_ON/);
  await refused({ FEED_PORTS: "1,x" }, /ports\[1\]: expected a whole number, found "x" in FEED_PORTS/);
  await refused({ FEED_LIMITS: "{" }, /FEED_LIMITS: expected JSON, found "{"/);
  await refused({ FEED_TOKENS: "hunter2" }, /FEED_TOKENS: expected JSON, found \(secret\)/);
  await refused({ FEED_PASWORD: "hunter2" }, /FEED_PASWORD: expected a known variable, the nearest is FEED_PASSWORD, found another/);
});
