import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { programPath } from "../check/real-parts.ts";
import { freePort, runCommand, succeeds } from "./host.ts";
import { postgresPrograms, postgresUrl, startPostgres, stopPostgres } from "./postgres.ts";
import { redisUrl, startRedis, stopRedis } from "./redis.ts";

const switchOn = "install it: node tools/services.ts up";

/** A checkout's root of our own; what `stop` stops is stopped before the folder goes. */
function temporaryRoot(t: TestContext, stop: (root: string) => Promise<boolean>): string {
  const root = `${mkdtempSync(`${tmpdir()}/weir-services-`)}/`;
  chmodSync(root, 0o755);
  t.after(async () => {
    await stop(root);
    rmSync(root, { recursive: true, force: true });
  });
  return root;
}

test("PostgreSQL starts once, takes queries, stops, and keeps its data", { skip: postgresPrograms() ? false : switchOn }, async (t) => {
  const root = temporaryRoot(t, stopPostgres);
  const query = (url: string, text: string): Promise<string> => runCommand(`${postgresPrograms()}/psql`, [url, "-Atc", text]);
  assert.equal(await postgresUrl(root), undefined);
  const url = await startPostgres(root, () => {});
  assert.equal(await startPostgres(root, () => {}), url);
  assert.match(url, /^postgres:\/\/weir:[\w-]+@127\.0\.0\.1:\d+\/weir$/);
  await query(url, "create table kept as select 7 as n");
  assert.equal(await succeeds(`${postgresPrograms()}/psql`, [url.replace(/:[\w-]+@/, ":wrong@"), "-Atc", "select 1"]), false);
  assert.equal(await stopPostgres(root), true);
  assert.equal(await postgresUrl(root), undefined);
  assert.equal(await stopPostgres(root), false);
  assert.equal(await query(await startPostgres(root, () => {}), "select n from kept"), "7\n");
});

const redis = programPath("redis-server") ?? programPath("valkey-server");

test("Redis starts once, behind a password, and stops", { skip: redis ? false : switchOn }, async (t) => {
  const root = temporaryRoot(t, stopRedis);
  const url = await startRedis(root, () => {});
  assert.equal(await startRedis(root, () => {}), url);
  assert.equal(await redisUrl(root), url);
  assert.match(url, /^redis:\/\/:[\w-]+@127\.0\.0\.1:\d+$/);
  assert.equal(await stopRedis(root), true);
  assert.equal(await redisUrl(root), undefined);
});

test("a taken port is left to whoever has it", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await new Promise((resolve) => void server.once("listening", resolve));
  const address = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : 0;
  const other = await freePort(taken);
  assert.notEqual(other, taken);
  assert.equal(await freePort(other), other);
});

test("a command that fails says which and what its last words were", async () => {
  await assert.rejects(runCommand("sh", ["-c", "echo first; echo last >&2; exit 3"]), /sh -c .* failed:\nfirst\nlast/);
  await assert.rejects(runCommand("no-such-command", []), /no-such-command failed: .*ENOENT/);
});
