import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { environmentFrom } from "./environment.ts";
import { withEnvironment } from "./run.ts";

const invalid = (error: unknown): boolean => isFault(error) && error.reason === "ENVIRONMENT_INVALID";

test("environment is read as it is meant, an empty variable as absent", () => {
  const environment = environmentFrom({
    WEIR_HOST: "::1",
    WEIR_PORT: "8080",
    WEIR_ADMIN_PORT: "0",
    WEIR_WORKERS: "4",
    WEIR_VERSION: "v2",
    WEIR_CONTROL_URL: "http://127.0.0.1:7000",
    WEIR_TOKEN: "",
    WEIR_LOG_LEVEL: "warn",
  });
  assert.deepEqual(environment, {
    host: "::1",
    port: 8080,
    adminPort: 0,
    workers: 4,
    version: "v2",
    controlUrl: "http://127.0.0.1:7000",
    token: undefined,
    logLevel: "warn",
  });
});

test("environment refuses what cannot be, naming the variable", () => {
  for (const port of ["65536", "-1", "80a", "1e3", " 80", "123456"]) {
    assert.throws(() => environmentFrom({ WEIR_PORT: port }), invalid, port);
    assert.throws(() => environmentFrom({ WEIR_ADMIN_PORT: port }), /WEIR_ADMIN_PORT/);
  }
  for (const workers of ["0", "65", "two", "1.5"]) assert.throws(() => environmentFrom({ WEIR_WORKERS: workers }), /WEIR_WORKERS/);
  assert.throws(() => environmentFrom({ WEIR_LOG_LEVEL: "loud" }), invalid);
});

test("options of the app come before the environment", () => {
  const environment = environmentFrom({ WEIR_PORT: "1", WEIR_VERSION: "v9", WEIR_CONTROL_URL: "http://a:1", WEIR_TOKEN: "t" });
  const given = withEnvironment({ name: "x", services: [], port: 2, control: { url: "http://b:2" } }, environment);
  assert.equal(given.port, 2);
  assert.equal(given.version, "v9");
  assert.deepEqual(given.control, { url: "http://b:2" });
  assert.deepEqual(withEnvironment({ name: "x", services: [] }, environment).control, { url: "http://a:1", token: "t" });
});
