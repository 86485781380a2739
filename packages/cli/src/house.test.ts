import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { systemClock } from "@weir/kit/clock";
import { isFault } from "@weir/kit/fault";
import { Registry, State } from "@weir/kit/app/registry";
import type { WireTransport } from "@weir/kit/rpc/node/transport";
import { createClient } from "@weir/kit/rpc/client";
import { Audit } from "@weir/api/audit";
import { bucketOf, versionOf } from "@weir/api/bucket";
import { Releases } from "@weir/api/releases";
import { Snapshots } from "@weir/api/snapshots";
import { Traffic } from "@weir/api/traffic";
import type { Credentials } from "./credentials.ts";
import { controlTransport } from "./credentials.ts";
import { startKeepAliveLoad } from "./house.load.ts";

/** The whole house, as `npm start` runs it, in a folder and on ports of its own. */
const main = join(import.meta.dirname, "main.ts");
let directory = "";
let dev: ChildProcess;
let gatewayPort = 0;
let controlPort = 0;
let transport: WireTransport;
const words: string[] = [];

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-house-"));
  [gatewayPort, controlPort] = [await freePortPair(), await freePortPair()];
  await startDev();
});

after(async () => {
  await transport?.close();
  await stopDev();
  rmSync(directory, { recursive: true, force: true });
});

test("the feed answers films as JSON and says which version answered", async () => {
  const response = await fetch(pageUrl("u1"));
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("x-weir-version"), "v1");
  const page = (await response.json()) as { films: { title: string }[]; version: string; nextCursor: string };
  assert.equal(page.films.length, 10);
  assert.equal(page.version, "v1");
  assert.ok(page.films[0]!.title.length > 0 && page.nextCursor.length > 0);
});

test("500 weight changes in 30 seconds disturb none of 64 keep-alive connections", async () => {
  const load = startKeepAliveLoad({ port: gatewayPort, connections: 64, targetOf: (count) => `/v1/feed?userId=m${count % 20_000}` });
  const startMs = systemClock.monotonicMs();
  let latest = 0n;
  for (let change = 1; change <= 500; change++) {
    latest = await setWeight((change * 97) % 10_001, `change ${change} of 500`);
    await systemClock.sleep(Math.max(0, startMs + change * 60 - systemClock.monotonicMs()));
  }
  await eventually("the gateway to hold the last change", async () => (await heldRevision()) >= latest);
  await load.stop();
  const total = load.statuses.get(200) ?? 0;
  assert.deepEqual([...load.statuses.keys()], [200], load.odd.join("\n"));
  assert.equal(load.closed, 0);
  assert.ok(total > 5000, `${total} requests`);
  assert.ok((load.versions.get("v1") ?? 0) > 0 && (load.versions.get("v2") ?? 0) > 0);
});

test("2,000 users keep their share at 5, 20, 50 and 100 % and nobody moves back", async () => {
  const userIds = Array.from({ length: 2000 }, (_, index) => `user-${index}`);
  let movedBefore = new Set<string>();
  for (const weight of [500, 2000, 5000, 10_000]) {
    const revision = await setWeight(weight, `grow to ${weight}`);
    await eventually("the gateway to hold the weight", async () => (await heldRevision()) >= revision);
    const { release } = await createClient(Releases, transport).getRelease({ service: "feed" }, { timeoutMs: 5000 });
    const moved = new Set<string>();
    for (const userId of userIds) {
      const response = await fetch(pageUrl(userId));
      assert.equal(response.status, 200);
      const { version } = (await response.json()) as { version: string };
      const shares = [
        { version: "v2", weight },
        { version: "v1", weight: 10_000 - weight },
      ];
      assert.equal(version, versionOf(bucketOf(userId, release!.salt), shares), userId);
      if (version === "v2") moved.add(userId);
    }
    const expected = (userIds.length * weight) / 10_000;
    assert.ok(Math.abs(moved.size - expected) <= 4 * Math.sqrt(expected * (1 - weight / 10_000)), `${moved.size} of ${expected}`);
    for (const userId of movedBefore) assert.ok(moved.has(userId), `${userId} was thrown back at ${weight}`);
    movedBefore = moved;
  }
  await setWeight(5000, "half each for the next test");
});

test("kill -9 of an instance under load fails no idempotent request and is seen within 2 seconds", async () => {
  const load = startKeepAliveLoad({ port: gatewayPort, connections: 16, targetOf: (count) => `/v1/feed?userId=k${count % 20_000}` });
  await eventually("some answers", () => (load.statuses.get(200) ?? 0) > 200);
  const { pid, id } = await instanceToKill();
  const killedAtMs = systemClock.monotonicMs();
  process.kill(pid, "SIGKILL");
  await eventually("the instance to be gone", async () => (await instanceState(id)) === "GONE", 2500);
  const seenMs = systemClock.monotonicMs() - killedAtMs;
  assert.ok(seenMs <= 2000, `seen after ${seenMs} ms`);
  await eventually("its successor", async () => (await servingCount()) === 4);
  await load.stop();
  assert.deepEqual([...load.statuses.keys()], [200], load.odd.join("\n"));
  assert.equal(load.closed, 0);
});

test("kill -9 of control leaves traffic, state, audit chain and weights whole", async () => {
  const revision = await setWeight(3000, "before control is killed");
  await eventually("the gateway to hold it", async () => (await heldRevision()) >= revision);
  const load = startKeepAliveLoad({ port: gatewayPort, connections: 16, targetOf: (count) => `/v1/feed?userId=c${count % 20_000}` });
  process.kill(pidOf("control"), "SIGKILL");
  await eventually("control to answer again", async () => (await chain()).whole, 30_000);
  const { release } = await createClient(Releases, transport).getRelease({ service: "feed" }, { timeoutMs: 5000 });
  assert.equal(release?.newWeight, 3000);
  assert.equal(release?.reason, "before control is killed");
  const next = await setWeight(4000, "after control came back");
  assert.ok(next > revision);
  await eventually("the gateway to hold what came after", async () => (await heldRevision()) >= next, 15_000);
  await load.stop();
  assert.deepEqual([...load.statuses.keys()], [200], load.odd.join("\n"));
  assert.equal(load.closed, 0);
});

test("kill -9 of the gateway brings it back on its last Snapshot, also without control", async () => {
  // Control is held still, not ended: weir dev would start it again.
  const control = pidOf("control");
  process.kill(control, "SIGSTOP");
  try {
    process.kill(pidOf("gateway"), "SIGKILL");
    await eventually("the gateway to answer", async () => (await fetch(pageUrl("u1"))).status === 200, 15_000);
  } finally {
    process.kill(control, "SIGCONT");
  }
});

test("bad input is refused with its reason and changes nothing", async () => {
  const releases = createClient(Releases, transport);
  const beforehand = (await releases.getRelease({ service: "feed" }, { timeoutMs: 5000 })).release;
  const shares = (v2: number, v1: number): { version: string; weight: number }[] => [
    { version: "v2", weight: v2 },
    { version: "v1", weight: v1 },
  ];
  const cases: [string, Promise<unknown>][] = [
    ["WEIGHTS_SUM_INVALID", releases.setWeights({ service: "feed", shares: shares(500, 500), reason: "does not sum" })],
    ["REASON_MISSING", releases.setWeights({ service: "feed", shares: shares(500, 9500), reason: " " })],
    ["SERVICE_UNKNOWN", releases.setWeights({ service: "nobody", shares: shares(500, 9500), reason: "unknown service" })],
    [
      "VERSION_UNKNOWN",
      releases.setWeights({
        service: "feed",
        shares: [
          { version: "v9", weight: 500 },
          { version: "v1", weight: 9500 },
        ],
        reason: "unknown version",
      }),
    ],
  ];
  // They are refused in any order, and each is looked at in its turn.
  for (const [, promise] of cases) promise.catch(() => undefined);
  for (const [reason, promise] of cases) {
    await assert.rejects(promise, (error: unknown) => isFault(error) && error.reason === reason, `expected ${reason}`);
  }
  assert.deepEqual((await releases.getRelease({ service: "feed" }, { timeoutMs: 5000 })).release, beforehand);
});

test("traffic is observed per version and agrees with the weight", async () => {
  const revision = await setWeight(2000, "to be observed");
  await eventually("the gateway to hold it", async () => (await heldRevision()) >= revision);
  const load = startKeepAliveLoad({ port: gatewayPort, connections: 8, targetOf: (count) => `/v1/feed?userId=o${count % 20_000}` });
  let observed = { observedWeight: 0, observedRequests: 0 };
  await eventually(
    "an observed weight near 20 %",
    async () => {
      for await (const seen of createClient(Traffic, transport).watchTraffic({ service: "feed" }, { timeoutMs: 5000 })) {
        observed = seen;
        break;
      }
      return observed.observedRequests > 1000 && Math.abs(observed.observedWeight - 2000) < 200;
    },
    30_000,
  ).catch(() => assert.fail(JSON.stringify(observed)));
  await load.stop();
});

test("status, release and audit say on the command line what is, for people and for machines", async () => {
  const set = await weir("release", "set", "feed", "v2=12.5", "--reason", "by hand");
  assert.match(set.out, /^feed: v2 12\.5 %, v1 87\.5 % \(revision \d+, by admin: by hand\)/);
  const revision = BigInt(/revision (\d+)/.exec(set.out)![1]!);
  await eventually("the gateway to hold it", async () => (await heldRevision()) >= revision);
  const status = await weir("status", "--json");
  assert.equal(status.code, 0, status.err);
  const { releases, dataPlanes, instances } = JSON.parse(status.out) as Record<string, Record<string, unknown>[]>;
  assert.deepEqual(
    releases!.find(({ service }) => service === "feed"),
    { service: "feed", stableVersion: "v1", newVersion: "v2", newWeight: 1250 },
  );
  assert.deepEqual([dataPlanes![0]!["name"], dataPlanes![0]!["connected"]], ["gateway-1", true]);
  const serving = (name: string): number => instances!.filter(({ service, state }) => service === name && state === "serving").length;
  assert.deepEqual([serving("feed"), serving("recall")], [4, 2]);
  assert.match((await weir("audit", "--verify")).out, /^whole: \d+ entries/);
  const refused = await weir("release", "set", "feed", "v2=101", "--reason", "too much");
  assert.deepEqual([refused.code, /OPTION_INVALID/.test(refused.err)], [1, true], refused.err);
});

test("a port that is taken is named together with the way out", async () => {
  const second = await weir("dev", "--port", String(gatewayPort), "--control-port", String(controlPort));
  assert.equal(second.code, 1);
  assert.match(second.err, new RegExp(`expected port ${gatewayPort} to be free.*--port \\[PORT_TAKEN\\]`));
});

test("Ctrl-C stops everything within 5 seconds and the weight is found again at the next start", async () => {
  await setWeight(3300, "to be found again");
  const stoppedMs = await stopDev();
  assert.ok(stoppedMs < 5000, `stopped after ${stoppedMs} ms`);
  await assert.rejects(fetch(pageUrl("u1")));
  await startDev();
  const { release } = await createClient(Releases, transport).getRelease({ service: "feed" }, { timeoutMs: 5000 });
  assert.deepEqual([release?.newWeight, release?.reason], [3300, "to be found again"]);
  assert.equal((await fetch(pageUrl("u1"))).status, 200);
});

/** The house of this test keeps its own state: other tests use the database that the environment names, at the same time. */
const ownState: NodeJS.ProcessEnv = { ...process.env, WEIR_DATABASE_URL: "" };

/** Runs `weir dev` until it has printed the sign-in link. */
async function startDev(): Promise<void> {
  words.length = 0;
  const args = ["dev", "--port", String(gatewayPort), "--control-port", String(controlPort), "--visitors", "0"];
  dev = spawn(process.execPath, [main, ...args], { cwd: directory, env: ownState });
  for (const stream of [dev.stdout, dev.stderr]) stream?.on("data", (chunk: Buffer) => words.push(chunk.toString()));
  const linked = (): boolean => (dev.exitCode !== null ? assert.fail(words.join("")) : words.join("").includes("sign-in?code="));
  await eventually("the sign-in link", linked, 120_000);
  await transport?.close();
  transport = controlTransport(JSON.parse(readFileSync(join(directory, ".weir/dev/credentials.json"), "utf8")) as Credentials);
}

/** As Ctrl-C does. Answers how long it took. */
async function stopDev(): Promise<number> {
  const startMs = systemClock.monotonicMs();
  if (dev.exitCode === null && dev.kill("SIGINT")) await once(dev, "exit");
  return systemClock.monotonicMs() - startMs;
}

/** Runs one command beside the house. */
async function weir(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [main, ...args], { cwd: directory });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  return { code, out: out.trim(), err };
}

function pageUrl(userId: string): string {
  return `http://127.0.0.1:${gatewayPort}/v1/feed?userId=${userId}`;
}

async function setWeight(weight: number, reason: string): Promise<bigint> {
  const shares = [
    { version: "v2", weight },
    { version: "v1", weight: 10_000 - weight },
  ];
  const { release } = await createClient(Releases, transport).setWeights({ service: "feed", shares, reason }, { timeoutMs: 5000 });
  return release!.revision;
}

async function heldRevision(): Promise<bigint> {
  const { dataPlanes } = await createClient(Snapshots, transport).listDataPlanes({}, { timeoutMs: 2000 });
  return dataPlanes.find((plane) => plane.name === "gateway-1" && plane.connected)?.acknowledgedRevision ?? 0n;
}

async function chain(): Promise<{ whole: boolean }> {
  return await createClient(Audit, transport).verifyChain({}, { timeoutMs: 2000 });
}

async function servingCount(): Promise<number> {
  const { instances } = await createClient(Registry, transport).listInstances({ service: "feed" }, { timeoutMs: 2000 });
  return instances.filter((status) => status.live && status.state === State.SERVING).length;
}

async function instanceState(id: string): Promise<string | undefined> {
  for await (const view of createClient(Releases, transport).watchRelease({ service: "feed" }, { timeoutMs: 2000 })) {
    return view.instances.find((instance) => instance.id === id)?.state;
  }
  return undefined;
}

/** An instance of v2: its process, and the id under which it has registered. */
async function instanceToKill(): Promise<{ pid: number; id: string }> {
  const pid = pidOf("examples/feed/main.ts");
  const log = readFileSync(join(directory, ".weir/dev/logs/feed-v1-1.log"), "utf8");
  const { instances } = await createClient(Registry, transport).listInstances({ service: "feed" }, { timeoutMs: 2000 });
  const found = instances.find((status) => status.live && log.includes(status.instance!.id));
  assert.ok(found, log);
  return { pid, id: found.instance!.id };
}

/** Process id of the first of weir dev's processes whose arguments end so. */
function pidOf(lastArgument: string): number {
  const running = JSON.parse(readFileSync(join(directory, ".weir/dev/processes.json"), "utf8")) as { pid: number; args: string[] }[];
  const found = running.find(({ args }) => args.at(-1)!.endsWith(lastArgument));
  assert.ok(found, `no process ${lastArgument}`);
  return found.pid;
}

async function eventually(what: string, ask: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const endMs = systemClock.monotonicMs() + withinMs;
  for (;;) {
    if (
      await Promise.resolve()
        .then(ask)
        .catch((error: unknown) => (error instanceof assert.AssertionError ? Promise.reject(error) : false))
    )
      return;
    assert.ok(systemClock.monotonicMs() < endMs, `waited ${withinMs} ms for ${what}\n${words.join("").slice(-2000)}`);
    await systemClock.sleep(20);
  }
}

/** A port that is free together with the next one. */
async function freePortPair(): Promise<number> {
  for (;;) {
    const first = createServer().listen(0, "127.0.0.1");
    await once(first, "listening");
    const { port } = first.address() as { port: number };
    const second = createServer().listen(port + 1, "127.0.0.1");
    const free = await Promise.race([once(second, "listening").then(() => true), once(second, "error").then(() => false)]);
    await Promise.all([first, second].map((server) => new Promise((resolve) => server.close(resolve))));
    if (free) return port;
  }
}
