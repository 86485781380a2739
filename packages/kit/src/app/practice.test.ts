import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { createGreeter, eventually } from "../rpc/testdata/greeter.ts";
import { Greeter, HelloResponse } from "../rpc/testdata/greeter.weir.ts";
import type { GreeterClient } from "../rpc/testdata/greeter.weir.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createApp } from "./app.ts";
import type { PracticeOptions, PracticeReport } from "./practice.ts";
import { practise } from "./practice.ts";
import { practiceMetadata } from "./serving-gate.ts";
import { createStateHolder } from "./state.ts";
import { createMetrics } from "../telemetry/metrics.ts";

/** Practises calls that take what `latencyMs` says, by the window that they are in. */
async function practised(latencyMs: (window: number) => number, options: PracticeOptions = {}): Promise<PracticeReport> {
  const clock = createVirtualClock();
  const { windowCalls = 10 } = options;
  const calls = { hello: (_: GreeterClient, round: number) => clock.sleep(latencyMs(Math.floor(round / windowCalls))) };
  const round = {
    client: {} as GreeterClient,
    calls,
    options: { ...options, windowCalls },
    signal: new AbortController().signal,
    nowMs: () => clock.monotonicMs(),
  };
  const done = practise(round, () => undefined);
  const settled = done.then(() => true);
  while (!(await Promise.race([settled, clock.advance(100).then(() => false)])));
  return done;
}

test("practice goes on until the medians of three windows agree", async () => {
  const falling = await practised((window) => (window < 7 ? 100 - window * 10 : 30));
  assert.deepEqual([falling.settled, falling.windows, falling.firstMs["hello"], falling.lastMs["hello"]], [true, 10, 100, 30]);
  const atOnce = await practised(() => 5);
  assert.deepEqual([atOnce.settled, atOnce.windows], [true, 5], "at least five: who has not begun to compile is steady too");
});

test("practice that never settles ends at its bounds, and says so", async () => {
  const restless = await practised((window) => (window % 2 === 0 ? 10 : 20), { windowsMax: 12 });
  assert.deepEqual([restless.settled, restless.windows], [false, 12]);
  const slow = await practised((window) => (window % 2 === 0 ? 1000 : 2000), { msMax: 10_000 });
  assert.equal(slow.settled, false);
  assert.ok(slow.windows < 5, `${slow.windows} windows`);
});

test("app practises through its own stack while it refuses everybody else, shows how far it is, and then serves", async () => {
  const names: string[] = [];
  const gate = Promise.withResolvers<void>();
  const greeter = createGreeter({
    async hello({ name }, call) {
      names.push(name);
      assert.match(call.peer.address, /^127\.0\.0\.1:\d+$/);
      if (names.length === 40) await gate.promise;
      return HelloResponse.create({ greeting: `hello ${name}` });
    },
  });
  const lines: string[] = [];
  const write = (message: string, fields: object = {}): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { debug: write, info: write, warn: write, error: write, with: () => log };
  const app = createApp({ name: "sample", services: [greeter], log });
  app.practise(Greeter, { hello: (client, round) => client.hello({ name: `practice-${round}` }) }, { windowCalls: 20, windowsMax: 6 });
  const starting = app.start();
  await eventually(() => names.length >= 40, "the second window");
  const listening = JSON.parse(lines.find((line) => line.startsWith("listening"))!.slice(10)) as { address: string; adminAddress: string };
  const ask = async (address: string, path: string, headers: Record<string, string> = {}): Promise<[number, string]> => {
    const answer = await fetch(`http://${address}${path}`, { headers: { connection: "close", ...headers } });
    return [answer.status, await answer.text()];
  };
  assert.match((await ask(listening.adminAddress, "/readyz"))[1], /"step":"practice Greeter","done":0,"total":1,"window":1,"hello":\d/);
  const [header = ""] = practiceMetadata(createStateHolder(createMetrics()));
  for (const headers of [{}, { [header]: crypto.randomUUID() }]) {
    const [status, body] = await ask(listening.address, "/v1/hello/ada", headers);
    assert.deepEqual([status, /APP_NOT_SERVING/.test(body)], [503, true]);
  }
  gate.resolve();
  await using running = await starting;
  assert.ok(names.every((name) => name.startsWith("practice-")) && names.length >= 100, `${names.length} calls`);
  assert.ok(lines.some((line) => /^practice (settled|ended before the latency settled) /.test(line)));
  assert.equal((await ask(`127.0.0.1:${running.port}`, "/v1/hello/ada"))[0], 200);
});

test("app whose practice fails does not start, and says which call and why", async () => {
  const greeter = createGreeter({
    async hello() {
      throw new TypeError("no table");
    },
  });
  const app = createApp({ name: "sample", services: [greeter] }).practise(Greeter, { hello: (client) => client.hello({ name: "a" }) });
  await assert.rejects(app.start(), (error) => {
    assert.ok(isFault(error) && error.reason === "WARM_UP_FAILED", String(error));
    assert.match(error.message, /Step "practice Greeter" of the warm-up failed: Expected call \d of "hello" to succeed, found: /);
    return true;
  });
});
