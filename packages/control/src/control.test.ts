import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { State } from "@weir/kit/app/registry";
import { isFault } from "@weir/kit/fault";
import { openDatabase } from "@weir/kit/store";
import { createLogger } from "@weir/kit/telemetry/logger";
import { createControl } from "./control.ts";
import { createSqliteFile } from "./fixtures/databases.ts";
import type { TestControl } from "./fixtures/control.ts";
import { startControl } from "./fixtures/control.ts";
import { instanceOf, register, sharesOf, until } from "./fixtures/house.ts";
import type { ControlTables } from "./tables.ts";

const folder = mkdtempSync(join(tmpdir(), "weir-console-"));

describe("control", { timeout: 30_000 }, () => {
  let house: TestControl;
  before(async () => {
    mkdirSync(join(folder, "dist", "assets"), { recursive: true });
    writeFileSync(join(folder, "dist", "index.html"), "<!doctype html><title>Weir</title>");
    writeFileSync(join(folder, "dist", "assets", "index-DODeS4VL.js"), "export {};");
    writeFileSync(join(folder, "dist", "assets", "big.js"), "export const words = 1;\n".repeat(200));
    writeFileSync(join(folder, "secret.txt"), "secret");
    symlinkSync(join(folder, "secret.txt"), join(folder, "dist", "link.txt"));
    house = await startControl({ consoleDirectory: join(folder, "dist") });
    await register(house.instance, [instanceOf("v1-1"), instanceOf("v2-1", { version: "v2" })]);
  });
  after(async () => {
    await house.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("the console is served under a strict policy, its named files for ever, its page anew each time", async () => {
    const page = await house.ask("GET", "/", { token: "" });
    assert.equal(page.status, 200);
    assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
    assert.equal(page.headers.get("cache-control"), "no-cache");
    const policy = page.headers.get("content-security-policy") ?? "";
    for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"])
      assert.ok(policy.includes(rule), rule);
    assert.ok(!policy.includes("unsafe"));
    assert.equal(page.headers.get("x-content-type-options"), "nosniff");
    const script = await house.ask("GET", "/assets/index-DODeS4VL.js", { token: "" });
    assert.equal(script.headers.get("cache-control"), "public, max-age=31536000, immutable");
    assert.match(script.headers.get("content-type") ?? "", /^text\/javascript/);
  });

  test("the console answers GET and HEAD only, and 304 to who has the page", async () => {
    const head = await fetch(`${house.control.url}/`, { method: "HEAD" });
    assert.deepEqual([head.status, await head.text(), head.headers.get("content-length")], [200, "", "34"]);
    const { status } = await house.ask("POST", "/index.html", { body: {} });
    assert.equal(status, 405);
    const etag = head.headers.get("etag") ?? "";
    assert.equal((await fetch(`${house.control.url}/`, { headers: { "if-none-match": etag } })).status, 304);
  });

  test("the console comes gzipped to who takes that, under an etag of its own", async () => {
    const asked = async (coding: string): Promise<Response> =>
      fetch(`${house.control.url}/assets/big.js`, { headers: { "accept-encoding": coding } });
    const [plain, gzipped] = [await asked("identity"), await asked("br, gzip;q=0.5")];
    assert.deepEqual([plain.headers.get("content-encoding"), gzipped.headers.get("content-encoding")], [null, "gzip"]);
    assert.equal(await gzipped.text(), await plain.text());
    assert.ok(Number(gzipped.headers.get("content-length")) < Number(plain.headers.get("content-length")) / 2);
    assert.notEqual(gzipped.headers.get("etag"), plain.headers.get("etag"));
    assert.equal(gzipped.headers.get("vary"), "accept-encoding");
    assert.equal((await asked("gzip;q=0")).headers.get("content-encoding"), null);
  });

  test("the console leads nowhere out of its folder", async () => {
    const paths = [
      "/../secret.txt",
      "/%2e%2e/secret.txt",
      "/..%2fsecret.txt",
      "/assets/../../secret.txt",
      "//secret.txt",
      "/link.txt",
      "/.%00/x",
      "/assets",
      "/nothing.js",
    ];
    for (const path of paths) {
      const answer = await rawGet(house.control.url, path);
      assert.ok(!answer.includes("secret\n") && !answer.endsWith("secret"), `${path}: ${answer}`);
      assert.match(answer, /^HTTP\/1\.1 40[04]/, path);
    }
  });

  test("the admin port says that control serves, and what it knows", async () => {
    const ready = await fetch(`${house.control.adminUrl}/readyz`);
    assert.equal(ready.status, 200);
    await house.ask("GET", "/v1/releases", { token: "weir_wrong-wrong-wrong-wrong-wrong-wrong" });
    const text = await (await fetch(`${house.control.adminUrl}/metrics`)).text();
    const value = (sample: string): number =>
      Number(
        text
          .split("\n")
          .find((line) => line.startsWith(`${sample} `))
          ?.slice(sample.length + 1),
      );
    assert.ok(value("weir_control_revision") >= 3);
    assert.equal(value('weir_control_instances{state="SERVING"}'), 2);
    assert.equal(value('weir_control_refused_calls_total{reason="TOKEN_UNKNOWN"}'), 1);
    assert.ok(value("weir_control_audit_entries") >= 5);
    assert.equal(value("weir_control_audit_broken_sequence"), 0);
    assert.match(text, /weir_rpc_requests_total\{.*service="weir\.registry\.v1\.Registry".*code="OK".*\} [1-9]/);
  });

  test("a link signs in once, and its token works", async () => {
    const { url, code } = await house.control.createLink({ name: "ada", role: "operator" });
    assert.equal(url, `${house.control.url}/#/sign-in?code=${code}`);
    const exchange = (): ReturnType<TestControl["ask"]> =>
      house.ask("POST", "/weir.api.v1.Identity/ExchangeLink", { body: { code }, token: "" });
    const answer = await exchange();
    const { token } = answer.json as { token: string };
    assert.match(token, /^weir_[A-Za-z0-9_-]{43}$/);
    const who = await house.ask("GET", "/v1/identity", { token });
    assert.deepEqual((who.json["token"] as { name: string; role: string }).role, "ROLE_OPERATOR");
    const again = await exchange();
    assert.deepEqual([again.status, (again.json as { details?: unknown[] }).details?.length], [401, 1]);
  });

  test("an instance that dies is shown within 2 seconds to who watches", async () => {
    const beats = setInterval(
      () => void house.instance.registry.heartbeat({ instanceId: "v1-1", state: State.SERVING }).catch(() => undefined),
      400,
    );
    try {
      await register(house.instance, [instanceOf("v1-2")]);
      const diedMs = performance.now();
      const views = house.admin.releases.watchRelease({ service: "feed" })[Symbol.asyncIterator]();
      const isGone = ({ instances }: { instances: { id: string; state: string }[] }): boolean =>
        instances.some(({ id, state }) => id === "v1-2" && state === "GONE");
      await until(views, isGone);
      await views.return?.();
      const tookMs = performance.now() - diedMs;
      assert.ok(tookMs < 2000, `it took ${tookMs} ms`);
    } finally {
      clearInterval(beats);
    }
  });

  test("100 data planes hold a change of weight within a second, and the page counts them", async () => {
    const ending = new AbortController();
    const first = Promise.withResolvers<void>();
    let waiting = 100;
    const planes = Array.from({ length: 100 }, async (_, index) => {
      const dataPlane = `gateway-${index}`;
      let began = false;
      try {
        for await (const { snapshot } of house.dataPlane.snapshots.subscribe({ dataPlane })) {
          if (snapshot) await house.dataPlane.snapshots.acknowledge({ dataPlane, epoch: snapshot.epoch, revision: snapshot.revision });
          if (!began && (waiting -= 1) === 0) first.resolve();
          began = true;
          if (ending.signal.aborted) break;
        }
      } catch (error) {
        if (!ending.signal.aborted) first.reject(error as Error);
      }
    });
    await first.promise;
    const views = house.admin.releases.watchRelease({ service: "feed" })[Symbol.asyncIterator]();
    const beganMs = performance.now();
    await house.admin.releases.setWeights({ service: "feed", shares: sharesOf(500), reason: "five percent" });
    const view = await until(views, ({ acknowledgedCount, release }) => release?.newWeight === 500 && acknowledgedCount === 100);
    const tookMs = performance.now() - beganMs;
    assert.deepEqual([view.acknowledgedWeight, view.dataPlaneCount], [500, 100]);
    assert.ok(tookMs < 1000, `it took ${tookMs} ms`);
    ending.abort();
    await views.return?.();
    await Promise.all(planes);
  });

  test("a broken audit row is named after a restart, by method, log and metric", async () => {
    const database = createSqliteFile();
    const first = await startControl({}, { ...database, drop: async () => undefined });
    await register(first.instance, [instanceOf("v1-1"), instanceOf("v2-1", { version: "v2" })]);
    await first.admin.releases.setWeights({ service: "feed", shares: sharesOf(100), reason: "as it was" });
    await first.close();
    const opened = await openDatabase<ControlTables>({ url: database.url });
    const row = await opened.query.selectFrom("control_audit").selectAll().where("reason", "=", "as it was").executeTakeFirstOrThrow();
    await opened.query.updateTable("control_audit").set({ reason: "as it never was" }).where("sequence", "=", row.sequence).execute();
    await opened.close();
    const lines: string[] = [];
    const second = await startControl({ log: createLogger({ write: (line) => void lines.push(line) }) }, database);
    const { whole, brokenSequence, message } = await second.admin.audit.verifyChain({});
    assert.deepEqual([whole, Number(brokenSequence)], [false, row.sequence]);
    assert.match(message, /it was changed/);
    const metrics = await (await fetch(`${second.control.adminUrl}/metrics`)).text();
    assert.match(metrics, new RegExp(`^weir_control_audit_broken_sequence ${row.sequence}$`, "m"));
    assert.ok(lines.some((line) => line.includes("the audit chain is broken") && line.includes(`"entry":${row.sequence}`)));
    await second.close();
  });

  test("a second control takes the database over: the first ends its streams and answers no more", async () => {
    const database = createSqliteFile();
    const first = await startControl({}, { ...database, drop: async () => undefined });
    await register(first.instance, [instanceOf("v1-1"), instanceOf("v2-1", { version: "v2" })]);
    const stream = first.dataPlane.snapshots.subscribe({ dataPlane: "gateway-1" })[Symbol.asyncIterator]();
    await stream.next();
    const second = await startControl({}, database);
    while (!(await stream.next()).done);
    const answer = await first.ask("GET", "/v1/releases");
    assert.deepEqual([answer.status, answer.json.reason], [503, "CONTROL_SUPERSEDED"]);
    assert.equal((await second.ask("GET", "/v1/releases")).status, 200);
    await first.close();
    await second.close();
  });

  test("an address that is taken is a clear Fault, and nothing is left behind", async () => {
    const database = createSqliteFile();
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    await assert.rejects(
      createControl({ databaseUrl: database.url, port }),
      (error) => isFault(error) && error.reason === "ADDRESS_UNAVAILABLE",
    );
    taken.close();
    const control = await createControl({ databaseUrl: database.url });
    await control.stop();
    await control.stop();
    await database.drop();
  });

  test("options that control cannot start with are refused by name", async () => {
    const databaseUrl = "sqlite::memory:";
    const cases = [
      { bootstrapTokens: { admin: "short" } },
      { bootstrapTokens: { admin: "x".repeat(40), instance: "x".repeat(40) } },
      { consoleDirectory: join(folder, "nowhere") },
      { leaseMs: 100 },
      { leaseMs: 1000, heartbeatMs: 900 },
    ];
    for (const options of cases) {
      await assert.rejects(
        createControl({ databaseUrl, ...options }),
        (error) => isFault(error) && error.reason === "CONTROL_OPTIONS_INVALID",
        JSON.stringify(options),
      );
    }
  });
});

/** fetch would tidy the path up before it sends it. */
async function rawGet(url: string, path: string): Promise<string> {
  const { connect } = await import("node:net");
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.end(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}
