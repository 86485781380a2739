import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogFields, Logger } from "../call.ts";
import { fault } from "../fault.ts";
import { createClient } from "../rpc/client.ts";
import type { Transport } from "../rpc/transport.ts";
import { createTestTransport } from "../testing/transport.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createRegistration } from "./registration.ts";
import { Instance, Registry } from "./registry.weir.ts";
import type { MemoryRegistry } from "./testdata/registry-server.ts";
import { createMemoryRegistry } from "./testdata/registry-server.ts";

/** The way to the registry: "up" answers, "down" refuses at once, "silent" never answers. */
type Mode = "up" | "down" | "silent";

interface Scene {
  readonly clock: VirtualClock;
  readonly registry: MemoryRegistry;
  readonly line: { mode: Mode };
  readonly attemptsMs: number[];
  readonly changes: boolean[];
  readonly warnings: string[];
  readonly stop: () => Promise<void>;
}

function begin(mode: Mode = "up"): Scene {
  const clock = createVirtualClock();
  const registry = createMemoryRegistry({ clock });
  const inner = createTestTransport([registry.implementation], { clock });
  const line = { mode };
  const attemptsMs: number[] = [];
  const changes: boolean[] = [];
  const warnings: string[] = [];
  const transport: Transport = async (method, message, call) => {
    attemptsMs.push(clock.monotonicMs());
    if (line.mode === "down") throw fault({ reason: "PEER_UNREACHABLE", code: "UNAVAILABLE" }, "Nobody there.");
    if (line.mode === "silent")
      await new Promise<never>((_, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason as Error)));
    return await inner(method, message, call);
  };
  const log: Logger = {
    debug() {},
    info() {},
    error() {},
    warn: (message: string, _fields?: LogFields) => void warnings.push(message),
    with: () => log,
  };
  const daemon = createRegistration({
    instance: Instance.create({ id: "sample-1", service: "sample", version: "v1" }),
    registry: createClient(Registry, transport),
    onChange: (known) => void changes.push(known),
    clock,
    log,
  });
  const controller = new AbortController();
  const ended = daemon(controller.signal);
  const stop = async (): Promise<void> => {
    controller.abort();
    await clock.advance(3000);
    await ended;
  };
  return { clock, registry, line, attemptsMs, changes, warnings, stop };
}

test("registration registers at once and keeps its lease with heartbeats", async () => {
  const scene = begin();
  await scene.clock.advance(10);
  assert.deepEqual(
    scene.registry.live().map((instance) => instance.id),
    ["sample-1"],
  );
  for (let second = 0; second < 20; second++) {
    await scene.clock.advance(1000);
    assert.equal(scene.registry.live().length, 1, `after ${second + 1} s`);
  }
  const beats = scene.registry.asked.filter((each) => each === "heartbeat").length;
  assert.ok(beats >= 40 && beats <= 46, `found ${beats} heartbeats in 20 s`);
  await scene.stop();
  assert.equal(scene.registry.asked.at(-1), "deregister");
  assert.deepEqual(scene.registry.live(), []);
  assert.deepEqual(scene.changes, [true, false]);
});

test("registration registers again when the registry has forgotten it", async () => {
  const scene = begin();
  await scene.clock.advance(2000);
  scene.registry.forget();
  await scene.clock.advance(550);
  assert.equal(scene.registry.live().length, 1);
  assert.deepEqual(scene.changes, [true, false, true]);
  await scene.stop();
});

test("registration waits out a registry that is away, in jittered pauses of at most a second, with one line of log", async () => {
  const scene = begin("down");
  await scene.clock.advance(30_000);
  const pauses = scene.attemptsMs.map((ms, index) => ms - (scene.attemptsMs[index - 1] ?? 0)).slice(1);
  assert.ok(Math.max(...pauses) <= 1000, `the longest pause is ${Math.max(...pauses)}`);
  assert.ok(Math.min(...pauses.slice(4)) >= 500, `the shortest late pause is ${Math.min(...pauses.slice(4))}`);
  assert.ok(new Set(pauses.slice(4)).size > 5, "pauses are jittered");
  assert.deepEqual(scene.warnings, ["the registry cannot be reached; trying again"]);
  scene.line.mode = "up";
  await scene.clock.advance(1001);
  assert.equal(scene.registry.live().length, 1);
  scene.line.mode = "down";
  await scene.clock.advance(5000);
  assert.deepEqual(scene.changes, [true, false]);
  scene.line.mode = "up";
  await scene.clock.advance(1001);
  assert.deepEqual(scene.changes, [true, false, true]);
  await scene.stop();
});

test("registration survives a heartbeat that hangs within its lease", async () => {
  const scene = begin();
  await scene.clock.advance(10);
  for (let round = 0; round < 10; round++) {
    scene.line.mode = "silent";
    await scene.clock.advance(520);
    scene.line.mode = "up";
    for (let step = 0; step < 20; step++) {
      await scene.clock.advance(100);
      assert.equal(scene.registry.live().length, 1, `round ${round}, step ${step}`);
    }
  }
  await scene.stop();
});

test("registration's leaving is bounded when nobody answers", async () => {
  const scene = begin();
  await scene.clock.advance(600);
  scene.line.mode = "silent";
  const startMs = scene.clock.monotonicMs();
  await scene.stop();
  assert.ok((scene.attemptsMs.at(-1) ?? 0) - startMs <= 500);
  assert.equal(scene.warnings.at(-1), "could not deregister; the lease will run out");
});
