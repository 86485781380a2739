import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { systemClock } from "../../clock.ts";
import { createClient } from "../../rpc/client.ts";
import { createWireTransport } from "../../rpc/node/transport.ts";
import { Greeter } from "../../rpc/testdata/greeter.weir.ts";
import type { ChildApp } from "../testdata/child-app.ts";
import { portOf, spawnSample } from "../testdata/child-app.ts";
import { createMemoryRegistry, serveRegistry } from "../testdata/registry-server.ts";
import type { WorkerGroupState } from "./worker-group.ts";

interface Group extends AsyncDisposable {
  readonly child: ChildApp;
  readonly port: number;
  readonly adminPort: number;
  state(): Promise<WorkerGroupState>;
  replace(): Promise<{ readonly status: number; readonly body: string }>;
}

async function startGroup(variables: Readonly<Record<string, string>> = {}, workers = 3): Promise<Group> {
  const child = spawnSample({ WEIR_WORKERS: String(workers), ...variables });
  await until(() => child.lines.some((line) => line["workers"] === workers), "the group to serve", child);
  const line = child.lines.find((each) => each["workers"] === workers)!;
  const adminPort = portOf(line["adminAddress"]);
  return {
    child,
    port: portOf(line["address"]),
    adminPort,
    state: async () => (await (await get(adminPort, "/workers")).json()) as WorkerGroupState,
    async replace() {
      const headers = { "content-type": "application/json", connection: "close" };
      const answer = await fetch(`http://127.0.0.1:${adminPort}/workers`, { method: "POST", body: '{"replace":"a test"}', headers });
      return { status: answer.status, body: await answer.text() };
    },
    async [Symbol.asyncDispose]() {
      child.process.kill("SIGTERM");
      await child.ended;
    },
  };
}

async function until(condition: () => boolean | Promise<boolean>, what: string, child?: ChildApp): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`Expected ${what} within 20 s, found ${JSON.stringify(child?.lines)}.`);
    await systemClock.sleep(5);
  }
}

function get(port: number, path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" }, signal: AbortSignal.timeout(10_000) });
}

/** One request on a connection of its own; resolves with what went wrong, if anything did. */
function askOnce(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ port, host: "127.0.0.1" }, () =>
      socket.write("GET /v1/hello/ada HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
    );
    socket.setTimeout(10_000, () => socket.destroy(new Error("nothing for ten seconds")));
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    socket.on("error", (error) => resolve(String(error)));
    socket.on("close", () =>
      resolve(text.startsWith("HTTP/1.1 200 ") && text.includes("hello ada") ? undefined : `answer ${JSON.stringify(text.slice(0, 80))}`),
    );
  });
}

test(
  "workers are replaced one by one under a load of new connections and of a kept one, and no request fails",
  { timeout: 120_000 },
  async () => {
    await using group = await startGroup({ SAMPLE_DELAY_MS: "2" });
    const before = await group.state();
    const stop = new AbortController();
    const failures: string[] = [];
    let answered = 0;
    const load = Array.from({ length: 16 }, async () => {
      while (!stop.signal.aborted) {
        const failure = await askOnce(group.port);
        if (failure === undefined) answered++;
        else failures.push(failure);
      }
    });
    const transport = createWireTransport({ url: `http://127.0.0.1:${group.port}`, protocol: "grpc" });
    const client = createClient(Greeter, transport);
    const kept = Array.from({ length: 4 }, async () => {
      while (!stop.signal.aborted)
        await client.hello({ name: "ada" }).then(
          () => answered++,
          (error: unknown) => failures.push(String(error)),
        );
    });
    assert.deepEqual((await group.replace()).status, 200);
    group.child.process.kill("SIGUSR2");
    await until(async () => (await group.state()).replaced === 6, "six replacements");
    stop.abort();
    await Promise.all([...load, ...kept]);
    await transport.close();
    assert.deepEqual(failures, []);
    assert.ok(answered > 100, `${answered} answers`);
    const after = await group.state();
    assert.equal(after.serving, 3);
    assert.equal(after.crashes, 0);
    const pids = new Set(before.workers.map(({ pid }) => pid));
    assert.ok(after.workers.every(({ pid }) => !pids.has(pid)));
  },
);

test("workers share one entry in the registry and one admin port, whose metrics tell them apart", { timeout: 60_000 }, async () => {
  const registry = createMemoryRegistry({ token: "t-1" });
  await using served = await serveRegistry(registry);
  await using group = await startGroup({ WEIR_CONTROL_URL: served.url, WEIR_TOKEN: "t-1" });
  await until(() => registry.live().length > 0, "an entry");
  const [instance] = registry.live();
  assert.deepEqual([registry.live().length, instance?.address], [1, `127.0.0.1:${group.port}`]);
  for (let turn = 0; turn < 30; turn++) assert.equal(await askOnce(group.port), undefined);
  const ready = await get(group.adminPort, "/readyz");
  assert.equal(ready.status, 200);
  assert.match(await ready.text(), /"wanted":3,"serving":3,"workers":"1 SERVING, 2 SERVING, 3 SERVING"/);
  const metrics = await (await get(group.adminPort, "/metrics")).text();
  const counts = [...metrics.matchAll(/^weir_rpc_requests_total\{worker="(\d)",.*code="OK"\} (\d+)$/gm)];
  assert.deepEqual(
    counts.map(([, worker]) => worker),
    ["1", "2", "3"],
    "each has had some",
  );
  assert.equal(
    counts.reduce((sum, [, , count]) => sum + Number(count), 0),
    30,
  );
  assert.equal([...metrics.matchAll(/^# TYPE weir_rpc_requests_total /gm)].length, 1);
  assert.match(metrics, /^weir_workers_serving\{worker="group"\} 3$/m);
});

test("worker that is killed is made anew; the others answer meanwhile", { timeout: 60_000 }, async () => {
  await using group = await startGroup();
  const [victim] = (await group.state()).workers;
  process.kill(victim!.pid, "SIGKILL");
  await until(async () => (await group.state()).crashes === 1, "the crash");
  for (let turn = 0; turn < 20; turn++) assert.equal(await askOnce(group.port), undefined);
  await until(async () => (await group.state()).serving === 3, "three again", group.child);
  const { lastCrash, workers } = await group.state();
  assert.match(lastCrash ?? "", /^worker 1 after \d+ s: SIGKILL$/);
  assert.ok(workers.every(({ pid }) => pid !== victim!.pid));
});

test("worker whose successor does not come to serve stays, and the reason is shown", { timeout: 60_000 }, async (t: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), "weir-workers-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "fails");
  await using group = await startGroup({ SAMPLE_FAILS_WHILE_FILE: file });
  const before = (await group.state()).workers.map(({ pid }) => pid);
  await writeFile(file, "");
  const { status, body } = await group.replace();
  assert.equal(status, 400);
  assert.match(body, /WORKERS_REPLACE_FAILED.*Expected worker 4 to serve, found that it ended \(code 1\)/);
  const after = await group.state();
  assert.deepEqual([after.workers.map(({ pid }) => pid), after.serving, after.crashes], [before, 3, 0]);
  assert.match(after.replaceFailure ?? "", /worker 4/);
  assert.equal(await askOnce(group.port), undefined);
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) {
  test(`group that hears ${signal} drains, ends with code 0 and leaves no process`, { timeout: 60_000 }, async () => {
    await using group = await startGroup({ SAMPLE_DELAY_MS: "300" }, 2);
    const { workers } = await group.state();
    const asked = Array.from({ length: 6 }, () => askOnce(group.port));
    await until(async () => inFlight(await (await get(group.adminPort, "/metrics")).text()) === 6, "six calls under way");
    group.child.process.kill(signal);
    assert.deepEqual(await Promise.all(asked), Array.from({ length: 6 }));
    assert.equal(await group.child.ended, 0);
    for (const { pid } of workers) assert.throws(() => process.kill(pid, 0), /ESRCH/);
  });
}

function inFlight(metrics: string): number {
  return [...metrics.matchAll(/^weir_rpc_in_flight\{.*method="Hello".*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

test("group whose workers cannot start ends with code 1", { timeout: 60_000 }, async () => {
  await using child = spawnSample({ WEIR_WORKERS: "2", SAMPLE_FAILS: "warm-up" });
  assert.equal(await child.ended, 1);
  assert.ok(child.lines.some(({ message, level }) => message === "the app could not start" && level === "error"));
});
