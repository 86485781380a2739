import type { ChildProcess } from "node:child_process";
import { fork, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { systemClock } from "@weir/kit/clock";
import type { ConfigsClient } from "@weir/kit/config/configs";
import { Configs } from "@weir/kit/config/configs";
import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import { cpuMsOf } from "./proc.ts";

const help = `node tools/bench/config.ts [--instances N] [--processes N] [--changes N] [--json FILE]

How long a change of settings takes until every instance has it in force and has confirmed it: a control plane in a process
of its own, over SQLite that syncs each change to the disk; instances in a few processes, each with sockets of its own.
From the moment before Put is sent until control counts all instances as applied at that revision. Exit code 1 when the
slowest change took a second or more, or when an instance saw half of a change.

  --instances N  default 100
  --processes N  that share them; default 4
  --changes N    one after the other; default 50
  --json FILE    also write the figures
  --help         this text
`;

interface Change {
  /** Until control had heard of all, in milliseconds. */
  readonly allMs: number;
  /** Until it had heard of each, to the millisecond. */
  readonly eachMs: readonly number[];
}

interface Fleet {
  readonly configs: ConfigsClient;
  readonly control: ChildProcess;
  readonly holders: readonly ChildProcess[];
  torn(): number;
  close(): Promise<void>;
}

const startMsMax = 120_000;

async function startFleet(instances: number, processes: number): Promise<Fleet> {
  const children: ChildProcess[] = [];
  const folder = mkdtempSync(join(tmpdir(), "weir-bench-config-"));
  const [admin, instance] = [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")];
  const control = spawn(process.execPath, [fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url)), "control"], {
    env: {
      ...process.env,
      WEIR_DATABASE_URL: "",
      WEIR_PORT: "0",
      WEIR_ADMIN_PORT: "0",
      WEIR_STATE_DIRECTORY: folder,
      WEIR_ADMIN_TOKEN: admin,
      WEIR_INSTANCE_TOKEN: instance,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(control);
  // Also when the start fails: nothing of it is left running.
  process.once("exit", () => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const url = await urlOf(control);
  let torn = 0;
  const holders = Array.from({ length: processes }, (_, index) => {
    const count = Math.floor(instances / processes) + (index < instances % processes ? 1 : 0);
    const file = fileURLToPath(new URL("./config-holder.ts", import.meta.url));
    return fork(file, [url, instance, `${count}`, `instance-${index}`], { env: { ...process.env, NODE_ENV: "production" } });
  });
  children.push(...holders);
  for (const holder of holders) holder.on("message", (word) => void (word === "torn" && torn++));
  await Promise.all(holders.map((holder) => once(holder, "message", { signal: AbortSignal.timeout(startMsMax) })));
  const transport = createWireTransport({ url, metadata: ["authorization", `Bearer ${admin}`] });
  return {
    configs: createClient(Configs, transport),
    control,
    holders,
    torn: () => torn,
    async close() {
      await transport.close();
      for (const child of children) child.kill("SIGKILL");
    },
  };
}

async function urlOf(control: ChildProcess): Promise<string> {
  if (!control.stdout) throw new Error("Expected control to have an output.");
  for await (const line of createInterface({ input: control.stdout })) {
    const { message, url } = JSON.parse(line) as { message?: string; url?: string };
    if (message === "control serves" && url !== undefined) {
      control.stdout.resume();
      return url;
    }
  }
  throw new Error("Expected control to serve, found that it ended.");
}

async function change(configs: ConfigsClient, { value, instances }: { value: number; instances: number }): Promise<Change> {
  const startMs = performance.now();
  const startedAtMs = Date.now();
  const values = { left: value, right: value, limits: { ada: { perSecond: value, burst: value } } };
  const { revision } = await configs.put({ service: "bench", values, reason: `change ${value}` }, { timeoutMs: 30_000 });
  for (;;) {
    const { services } = await configs.list({}, { timeoutMs: 30_000 });
    const [bench] = services;
    if (bench?.revision === revision && bench.applied === instances) break;
    if (performance.now() - startMs > 30_000) throw new Error(`Expected ${instances} instances to apply, found ${bench?.applied}.`);
    await systemClock.sleep(2);
  }
  const allMs = performance.now() - startMs;
  const { instances: found } = await configs.get({ service: "bench" });
  return { allMs, eachMs: found.map(({ confirmedAtMs }) => Math.max(0, Number(confirmedAtMs) - startedAtMs)) };
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

async function measure({ instances, processes, changes }: Record<"instances" | "processes" | "changes", number>) {
  const fleet = await startFleet(instances, processes);
  try {
    // The first ones compile code; they are made, and not counted.
    for (let value = 1; value <= 5; value++) await change(fleet.configs, { value, instances });
    const cpuBefore = [fleet.control, ...fleet.holders].map(({ pid }) => cpuMsOf(pid ?? 0));
    const made: Change[] = [];
    for (let index = 0; index < changes; index++) made.push(await change(fleet.configs, { value: 100 + index, instances }));
    const cpuMs = [fleet.control, ...fleet.holders].map(({ pid }, index) => (cpuMsOf(pid ?? 0) - (cpuBefore[index] ?? 0)) / changes);
    const all = made.map(({ allMs }) => allMs);
    const each = made.flatMap(({ eachMs }) => eachMs);
    return {
      instances,
      processes,
      changes,
      allMs: { median: quantile(all, 0.5), p90: quantile(all, 0.9), max: Math.max(...all) },
      eachMs: { median: quantile(each, 0.5), p99: quantile(each, 0.99) },
      controlCpuMs: cpuMs[0] ?? 0,
      instanceCpuMs: cpuMs.slice(1).reduce((sum, one) => sum + one, 0) / instances,
      torn: fleet.torn(),
      load: loadavg()[0] ?? 0,
      cores: availableParallelism(),
    };
  } finally {
    await fleet.close();
  }
}

const { values } = parseArgs({
  options: {
    instances: { type: "string", default: "100" },
    processes: { type: "string", default: "4" },
    changes: { type: "string", default: "50" },
    json: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) process.stdout.write(help);
else {
  const [instances, processes, changes] = [Number(values.instances), Number(values.processes), Number(values.changes)];
  const found = await measure({ instances, processes, changes });
  const { allMs, eachMs, controlCpuMs, instanceCpuMs } = found;
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  process.stdout.write(
    [
      `${instances} instances in ${processes} processes, ${changes} changes, load ${found.load.toFixed(1)} on ${found.cores} cores`,
      "",
      "| from Put until | median | p90 | slowest |",
      "|---|---|---|---|",
      `| all ${instances} have confirmed | ${ms(allMs.median)} | ${ms(allMs.p90)} | ${ms(allMs.max)} |`,
      "",
      `one instance: median ${eachMs.median} ms, p99 ${eachMs.p99} ms`,
      `CPU a change: control ${ms(controlCpuMs)}, an instance ${ms(instanceCpuMs)}`,
      `halves seen: ${found.torn}`,
      "",
    ].join("\n"),
  );
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(found, null, 2)}\n`);
  if (allMs.max >= 1000 || found.torn > 0) process.exitCode = 1;
}
