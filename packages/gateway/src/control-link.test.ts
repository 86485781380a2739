import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createGateway, type Gateway } from "./gateway.ts";
import { startControl, type TestControl } from "./fixtures/control.ts";
import { snapshotOf, startBackend, type Backend } from "./fixtures/house.ts";

let directory: string;
let backend: Backend;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "weir-link-"));
  backend = await startBackend("a", "v1");
});
after(async () => {
  await backend.server.close();
  await rm(directory, { recursive: true });
});

function startGateway(control: Pick<TestControl, "url">, stateDirectory = join(directory, String(Math.random()))): Promise<Gateway> {
  return createGateway({ port: 0, adminPort: 0, name: "gateway-1", stateDirectory, controlUrl: control.url, token: "secret" });
}

test("gateway takes snapshots from control, stores and acknowledges each", async () => {
  const control = await startControl();
  const stateDirectory = join(directory, "takes");
  const gateway = await startGateway(control, stateDirectory);
  control.push(snapshotOf([backend], { revision: 4 }));
  await control.until(() => control.acknowledged.length === 1, "an acknowledgement");
  assert.deepEqual(control.acknowledged[0], { dataPlane: "gateway-1", epoch: "e1", revision: 4n, refusals: [] });
  assert.match(await readFile(join(stateDirectory, "snapshot.json"), "utf8"), /"revision":"?4"?/);
  assert.equal(await (await fetch(gateway.url)).text(), "v1 a");
  control.push(snapshotOf([backend], { revision: 5 }));
  await control.until(() => control.acknowledged.length === 2, "the second one");
  assert.equal(control.acknowledged[1]?.revision, 5n);
  const { beats } = control;
  await control.until(() => control.beats > beats + 5, "beats");
  assert.equal(control.acknowledged.length, 2, "what has been told is not told again");
  await gateway.stop();
  await control.stop();
});

test("gateway names what it refuses, and applies the rest", async () => {
  const control = await startControl();
  const gateway = await startGateway(control);
  const snapshot = snapshotOf([backend]);
  const [route] = snapshot.routes;
  assert.ok(route);
  control.push({ ...snapshot, routes: [route, { ...route, name: "bad", pathPrefix: "/bad", shares: [{ version: "v1", weight: 1 }] }] });
  await control.until(() => control.acknowledged.length > 0, "an acknowledgement");
  const [refusal] = control.acknowledged[0]?.refusals ?? [];
  assert.deepEqual([refusal?.resource, refusal?.reason], ["route/bad", "ROUTE_SHARES_INVALID"]);
  assert.equal((await fetch(gateway.url)).status, 200);
  await gateway.stop();
  await control.stop();
});

test("gateway serves on when control is gone, and comes back to it", async () => {
  const control = await startControl();
  const gateway = await startGateway(control);
  control.push(snapshotOf([backend], { revision: 2 }));
  await control.until(() => control.acknowledged.length > 0, "an acknowledgement");
  await control.stop();
  assert.equal((await fetch(gateway.url)).status, 200);
  const again = await startControl(control.port);
  again.push(snapshotOf([backend], { revision: 2 }));
  await again.until(() => again.acknowledged.length > 0, "what is held is acknowledged again");
  assert.equal(again.acknowledged[0]?.revision, 2n);
  assert.deepEqual([again.subscriptions[0]?.epoch, again.subscriptions[0]?.revision], ["e1", 2n]);
  again.push(snapshotOf([backend], { revision: 3 }));
  await again.until(() => gateway.snapshot()?.revision === 3n, "the newer snapshot");
  await gateway.stop();
  await again.stop();
});

test("gateway starts again on its stored snapshot without control", async () => {
  const control = await startControl();
  const stateDirectory = join(directory, "restart");
  const first = await startGateway(control, stateDirectory);
  control.push(snapshotOf([backend], { revision: 9 }));
  await control.until(() => control.acknowledged.length > 0, "an acknowledgement");
  await first.stop();
  await control.stop();
  const second = await startGateway(control, stateDirectory);
  assert.equal(second.snapshot()?.revision, 9n);
  assert.equal(await (await fetch(second.url)).text(), "v1 a");
  const ready = (await (await fetch(`${second.adminUrl}/readyz`)).json()) as Record<string, unknown>;
  assert.deepEqual([ready["ready"], ready["revision"], ready["controlConnected"]], [true, "9", false]);
  await second.stop();
});

test("gateway killed in the middle of changes is back on an acknowledged snapshot, without control", async () => {
  const control = await startControl();
  const stateDirectory = join(directory, "killed");
  const start = async (): Promise<{ process: ChildProcess; url: string }> => {
    const path = fileURLToPath(new URL("./fixtures/child-gateway.ts", import.meta.url));
    const child = spawn(process.execPath, [path], {
      env: { ...process.env, CONTROL_URL: control.url, STATE_DIRECTORY: stateDirectory },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    return { process: child, url: line.toString().trim() };
  };
  const first = await start();
  for (let revision = 1; control.acknowledged.length < 20; revision++) {
    control.push(snapshotOf([backend], { revision }));
    await new Promise(setImmediate);
  }
  first.process.kill("SIGKILL");
  await once(first.process, "exit");
  const acknowledged = control.acknowledged.at(-1)?.revision ?? 0n;
  await control.stop();
  const second = await start();
  const answer = await fetch(second.url);
  assert.equal(await answer.text(), "v1 a");
  second.process.kill("SIGKILL");
  const stored = /"revision":"?(\d+)"?/.exec(await readFile(join(stateDirectory, "snapshot.json"), "utf8"))?.[1];
  assert.ok(BigInt(stored ?? 0) >= acknowledged, `stored ${stored}, acknowledged ${acknowledged}`);
});

test("gateway with a damaged snapshot starts empty and waits for control", async () => {
  const control = await startControl();
  const stateDirectory = join(directory, "damaged");
  const first = await startGateway(control, stateDirectory);
  control.push(snapshotOf([backend], { revision: 9 }));
  await control.until(() => control.acknowledged.length > 0, "an acknowledgement");
  await first.stop();
  const path = join(stateDirectory, "snapshot.json");
  await writeFile(path, (await readFile(path)).subarray(0, 150));
  const said: string[] = [];
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (message: string, fields?: object) =>
      void said.push(`${message} ${String((fields as { error?: { reason?: string } }).error?.reason)}`),
    with: () => log,
  };
  const second = await createGateway({ port: 0, stateDirectory, controlUrl: control.url, token: "secret", log });
  assert.deepEqual(said, ["stored snapshot refused SNAPSHOT_FILE_INVALID"]);
  await control.until(() => second.snapshot()?.revision === 9n, "control to send it again");
  await second.stop();
  await control.stop();
});

test("gateway never goes back within an epoch, and lets no empty one begin", async () => {
  const control = await startControl();
  const gateway = await startGateway(control);
  const last = (): (string | undefined)[] => {
    const { revision, refusals } = control.acknowledged.at(-1) ?? {};
    return [String(revision), refusals?.[0]?.resource, refusals?.[0]?.reason];
  };
  control.push(snapshotOf([backend], { revision: 7 }));
  await control.until(() => control.acknowledged.length === 1, "revision 7");
  control.push(snapshotOf([backend], { revision: 6 }));
  await control.until(() => control.acknowledged.length === 2, "the refusal of revision 6");
  assert.deepEqual(last(), ["6", "snapshot", "SNAPSHOT_STALE"]);
  control.push({ ...snapshotOf([], { revision: 1, epoch: "e2" }), routes: [] });
  await control.until(() => control.acknowledged.length === 3, "the refusal of the empty one");
  assert.deepEqual(last(), ["1", "snapshot", "SNAPSHOT_EMPTY"]);
  assert.deepEqual([gateway.snapshot()?.epoch, gateway.snapshot()?.revision], ["e1", 7n]);
  control.push(snapshotOf([backend], { revision: 2, epoch: "e2" }));
  await control.until(() => control.acknowledged.length === 4, "the new epoch");
  assert.deepEqual([gateway.snapshot()?.epoch, gateway.snapshot()?.revision], ["e2", 2n]);
  control.push({ ...snapshotOf([], { revision: 3, epoch: "e2" }), routes: [] });
  await control.until(() => control.acknowledged.length === 5, "an empty one of the same epoch");
  assert.equal(gateway.snapshot()?.routes.length, 0);
  assert.equal((await fetch(gateway.url)).status, 404);
  await gateway.stop();
  await control.stop();
});

test("gateway connects anew when control falls silent", async () => {
  const control = await startControl();
  const gateway = await startGateway(control);
  control.push(snapshotOf([backend]));
  await control.until(() => control.acknowledged.length > 0, "an acknowledgement");
  control.fallSilent(true);
  const connected = async (): Promise<boolean> =>
    (await (await fetch(`${gateway.adminUrl}/metrics`)).text()).includes("\nweir_gateway_control_connected 1\n");
  assert.equal(await connected(), true);
  await control.until(() => control.subscriptions.length === 2, "a second subscription");
  assert.equal(await connected(), false);
  control.fallSilent(false);
  await control.until(() => control.acknowledged.length > 1, "what is held is acknowledged to the new one");
  assert.equal(await connected(), true);
  await gateway.stop();
  await control.stop();
});

test("gateway reports what each endpoint did, once", async () => {
  const control = await startControl();
  const broken = await startBackend("b", "v2", () => Promise.resolve({ status: 500, headers: [], body: Buffer.from("broken") }));
  const gateway = await startGateway(control);
  control.push(snapshotOf([backend, broken], { newWeight: 10_000 }));
  await control.until(() => control.acknowledged.length > 0, "an acknowledgement");
  for (let turn = 0; turn < 5; turn++) assert.equal((await fetch(gateway.url)).status, 200);
  await control.until(() => control.reports.some(({ endpoints }) => endpoints.length > 0), "a report");
  await control.until(() => control.reports.at(-1)?.endpoints.length === 0, "an empty report");
  await gateway.stop();
  const seen = control.reports.flatMap(({ endpoints }) => endpoints);
  const total = (version: string, field: "requests" | "errors" | "fallbacks"): number =>
    seen.filter((one) => one.version === version).reduce((sum, one) => sum + one[field], 0);
  assert.deepEqual([total("v2", "requests"), total("v2", "errors"), total("v2", "fallbacks")], [5, 5, 5]);
  assert.deepEqual([total("v1", "requests"), total("v1", "errors")], [5, 0]);
  const [first] = seen;
  assert.equal(
    first?.latencyCounts.filter((_, index) => index % 2 === 1).reduce((sum, count) => sum + count, 0),
    first?.requests,
  );
  assert.deepEqual(
    seen.find(({ version }) => version === "v2")?.causes.map(({ cause }) => cause),
    ["ANSWERED_5XX"],
  );
  const fallbacks = control.reports.flatMap(({ causes }) => causes).filter(({ cause }) => cause === "FALLBACK_USED");
  assert.equal(
    fallbacks.reduce((sum, { count }) => sum + count, 0),
    5,
  );
  const numbers = control.reports.map(({ sequence }) => sequence);
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, index) => BigInt(index + 1)),
  );
  await control.stop();
  await broken.server.close();
});

test("gateway keeps reports that cannot be sent, and lets go of those that control refuses", async () => {
  const control = await startControl();
  const gateway = await startGateway(control);
  control.push(snapshotOf([backend]));
  await control.until(() => control.acknowledged.length > 0, "an acknowledgement");
  control.refuseReports("UNAVAILABLE");
  await fetch(gateway.url);
  await control.until(() => control.refusals >= 2, "reports to be refused");
  control.refuseReports(undefined);
  await control.until(() => control.reports.some(({ endpoints }) => endpoints[0]?.requests === 1), "the report that had to wait");
  control.refuseReports("INVALID_ARGUMENT");
  const refused = control.refusals;
  await control.until(() => control.refusals > refused, "a report to be refused for good");
  control.refuseReports(undefined);
  const before = control.reports.length;
  await control.until(() => control.reports.length > before, "the next report");
  assert.match(await (await fetch(`${gateway.adminUrl}/metrics`)).text(), /weir_gateway_reports_dropped_total [1-9]/);
  await gateway.stop();
  await control.stop();
});
