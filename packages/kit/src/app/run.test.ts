import { createClient } from "@weir/wire";
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../clock.ts";
import { eventually } from "../rpc/testdata/greeter.ts";
import type { Instance } from "./registry.weir.ts";
import { portOf, spawnSample } from "./testdata/child-app.ts";
import type { MemoryRegistry } from "./testdata/registry-server.ts";
import { createMemoryRegistry, serveRegistry } from "./testdata/registry-server.ts";

/** Requests without pause; `await using` ends them. */
interface Load extends AsyncDisposable {
  answered: number;
  readonly failures: string[];
}

/** Asks the live instances without pause over kept connections, as a data plane would: whoever left is asked no more. */
function startLoad(registry: MemoryRegistry, workers: number): Load {
  const clients = new Map<string, ReturnType<typeof createClient>>();
  const stop = new AbortController();
  const load: Load = { answered: 0, failures: [], [Symbol.asyncDispose]: end };
  const clientOf = (instance: Instance): ReturnType<typeof createClient> => {
    const made = clients.get(instance.id) ?? createClient({ host: "127.0.0.1", port: portOf(instance.address) });
    clients.set(instance.id, made);
    return made;
  };
  async function work(worker: number): Promise<void> {
    for (let turn = worker; !stop.signal.aborted; turn++) {
      const live = registry.live();
      const instance = live[turn % live.length];
      if (!instance) {
        await systemClock.sleep(1);
        continue;
      }
      try {
        const { status } = await clientOf(instance).request({ method: "GET", target: "/v1/hello/ada", headers: [] }, { timeoutMs: 5000 });
        if (status === 200) load.answered++;
        else load.failures.push(`status ${status} from ${instance.id}`);
      } catch (error) {
        load.failures.push(`${String(error)} from ${instance.id}`);
      }
    }
  }
  async function end(): Promise<void> {
    stop.abort();
    await Promise.all(working);
    await Promise.all([...clients.values()].map((client) => client.close()));
  }
  const working = Array.from({ length: workers }, (_, worker) => work(worker));
  return load;
}

test("an app that is told to stop under load fails no request, and ends with code 0", async () => {
  const registry = createMemoryRegistry({ token: "t-1" });
  await using served = await serveRegistry(registry);
  const { url } = served;
  const variables = { WEIR_CONTROL_URL: url, WEIR_TOKEN: "t-1", WEIR_VERSION: "v1", SAMPLE_DELAY_MS: "5" };
  await using first = spawnSample(variables);
  await using second = spawnSample({ ...variables, WEIR_VERSION: "v2", SAMPLE_WARM_UP_MS: "300" });
  await eventually(() => registry.live().length === 2, "both registrations");
  await using load = startLoad(registry, 16);
  await eventually(() => load.answered > 500, "the load");
  first.process.kill("SIGTERM");
  assert.equal(await first.ended, 0);
  const atStop = load.answered;
  await eventually(() => load.answered > atStop + 200, "the other instance to go on");
  assert.deepEqual(load.failures, []);
  const story = first.lines.map((line) => line.message);
  assert.deepEqual(story.slice(story.indexOf("stopping")), ["stopping", "not serving", "deregistered", "draining", "stopped"]);
  const refusedWhileWarming = second.lines.find((line) => line["level"] === "error");
  assert.equal(refusedWhileWarming, undefined);
  second.process.kill("SIGINT");
  assert.equal(await second.ended, 0);
});

test("an app that is killed leaves the registry with its lease, and its successor comes as a new instance", async () => {
  const registry = createMemoryRegistry();
  await using served = await serveRegistry(registry);
  const { url } = served;
  await using killed = spawnSample({ WEIR_CONTROL_URL: url });
  await eventually(() => registry.live().length === 1, "the registration");
  const before = registry.live()[0]?.id;
  killed.process.kill("SIGKILL");
  assert.equal(await killed.ended, "SIGKILL");
  const killedAtMs = performance.now();
  await eventually(() => registry.live().length === 0, "the end of the lease");
  assert.ok(performance.now() - killedAtMs < 2000, "out within two seconds");
  await using successor = spawnSample({ WEIR_CONTROL_URL: url });
  await eventually(() => registry.live().length === 1, "the successor");
  assert.notEqual(registry.live()[0]?.id, before);
  successor.process.kill("SIGTERM");
  assert.equal(await successor.ended, 0);
});

test("an app registers again after the registry was restarted, and serves meanwhile", async () => {
  const registry = createMemoryRegistry();
  await using served = await serveRegistry(registry);
  const { url, port } = served;
  await using app = spawnSample({ WEIR_CONTROL_URL: url });
  await eventually(() => registry.live().length === 1, "the registration");
  const own = portOf(registry.live()[0]?.address);
  await served.server.close();
  registry.forget();
  await app.logged("the registry cannot be reached; trying again");
  const answer = await fetch(`http://127.0.0.1:${own}/v1/hello/ada`, { headers: { connection: "close" } });
  assert.equal(answer.status, 200);
  await using _again = await serveRegistry(registry, port);
  await eventually(() => registry.live().length === 1, "the registration at the new registry");
  app.process.kill("SIGTERM");
  assert.equal(await app.ended, 0);
  assert.deepEqual(registry.live(), []);
});

test("an app whose warm-up fails ends with code 1 and logs the Fault", async () => {
  await using app = spawnSample({ SAMPLE_FAILS: "warm-up" });
  assert.equal(await app.ended, 1);
  const line = app.lines.find((each) => each["level"] === "error") as
    | { error?: { reason?: string; causes?: { message: string }[] } }
    | undefined;
  assert.equal(line?.error?.reason, "WARM_UP_FAILED");
  assert.equal(line?.error?.causes?.[0]?.message, "no cache today");
});

test("an app with a bad environment ends with code 1 and names the variable", async () => {
  await using app = spawnSample({ WEIR_PORT: "eighty" });
  assert.equal(await app.ended, 1);
  assert.match(JSON.stringify(app.lines), /ENVIRONMENT_INVALID.*WEIR_PORT/);
});

test("an app that nobody catches an error of ends with code 1, and the log says why", async () => {
  await using app = spawnSample({ SAMPLE_FAILS: "later" }, { stderr: "ignore" });
  assert.equal(await app.ended, 1);
  const line = app.lines.find((each) => each["level"] === "error") as { error?: { message?: string } } | undefined;
  assert.equal(line?.error?.message, "nobody catches this");
});

test("an app that stops does not wait for what its author left running", async () => {
  await using app = spawnSample({ SAMPLE_FAILS: "to let go" });
  await app.logged("serving");
  app.process.kill("SIGTERM");
  assert.equal(await app.ended, 0);
});

test("an app that is told to stop while it warms up ends at once with code 0", async () => {
  await using app = spawnSample({ SAMPLE_WARM_UP_MS: "60000" });
  await app.logged("warm-up step begins");
  app.process.kill("SIGTERM");
  assert.equal(await app.ended, 0);
});

test("an app ends at once when it is told to stop for the second time", async () => {
  await using app = spawnSample({ SAMPLE_DELAY_MS: "60000" });
  const { address } = await app.logged("serving");
  const hanging = assert.rejects(fetch(`http://127.0.0.1:${portOf(address)}/v1/hello/ada`));
  await fetch(`http://127.0.0.1:${portOf(address)}/nowhere`);
  app.process.kill("SIGTERM");
  await app.logged("draining");
  app.process.kill("SIGTERM");
  assert.equal(await app.ended, 1);
  await hanging;
});

test("a signal of the terminal and one of a supervisor together count as one", async () => {
  await using app = spawnSample({ SAMPLE_DELAY_MS: "200" });
  const { address } = await app.logged("serving");
  const slow = fetch(`http://127.0.0.1:${portOf(address)}/v1/hello/ada`, { headers: { connection: "close" } });
  await fetch(`http://127.0.0.1:${portOf(address)}/nowhere`);
  app.process.kill("SIGINT");
  app.process.kill("SIGTERM");
  assert.equal((await slow).status, 200);
  assert.equal(await app.ended, 0);
});

test("an app ends with code 0 when its terminal closes, and when a container asks by SIGQUIT", async () => {
  for (const signal of ["SIGHUP", "SIGQUIT"] as const) {
    await using child = spawnSample();
    await child.logged("serving");
    child.process.kill(signal);
    assert.equal(await child.ended, 0);
    assert.equal((await child.logged("stopping"))["signal"], signal);
  }
});
