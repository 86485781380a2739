import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemClock } from "@weir/kit/clock";
import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { Variant } from "./callers.ts";
import { Chain } from "./chain.weir.ts";
import type { ChainFigures, Phases, Route, Sample } from "./timeline.ts";
import { figuresFrom } from "./timeline.ts";

/** How a variant is run. */
export interface ChainRunOptions {
  /** Calls a second of each route. */
  readonly rates: Readonly<Record<Route, number>>;
  /** Length of each of the four phases, and of a warm-up before that is a quarter of it. */
  readonly phaseSeconds: number;
  say(line: string): void;
}

/** What a variant came to, and how late its load was. */
export interface ChainRun {
  readonly variant: Variant;
  readonly figures: ChainFigures;
  /** How late calls were sent, at the 99th percentile: a load that is late measures itself. */
  readonly lateMsP99: number;
}

interface Member {
  readonly process: ChildProcess;
  readonly url: string;
}

const main = fileURLToPath(new URL("service-main.ts", import.meta.url));
const startMsMax = 20_000;
/** How long users wait: for a page, and for what is known to take its time. */
const patienceMs = { own: 2000, near: 2000, deep: 5000 } as const;
const slower = 50;

/** Four services, each asking the next; the last becomes slow, fails and returns while the front is asked at a fixed rate. */
export async function runChain(variant: Variant, options: ChainRunOptions): Promise<ChainRun> {
  const members: Member[] = [];
  preferred(0);
  try {
    for (let at = 0; at < 4; at++) members.push(await startMember(variant, members.at(-1)?.url));
    return await ask(variant, members, options);
  } finally {
    for (const { process } of members) process.kill("SIGKILL");
  }
}

async function startMember(variant: Variant, next: string | undefined): Promise<Member> {
  const process = fork(main, [variant, ...(next === undefined ? [] : [next])], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  preferred(process.pid ?? 0);
  const ended = once(process, "exit").then(() => Promise.reject(new Error("expected a service of the chain to start, found its end")));
  const [said] = (await Promise.race([once(process, "message", { signal: AbortSignal.timeout(startMsMax) }), ended])) as [
    { readonly url: string },
  ];
  ended.catch(() => undefined);
  return { process, url: said.url };
}

/** Ahead of what else the machine does, where that is allowed: the chain does little, and is to be late by its own fault alone. */
function preferred(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGH);
  } catch {
    // Only the administrator may.
  }
}

async function ask(variant: Variant, members: readonly Member[], { rates, phaseSeconds, say }: ChainRunOptions): Promise<ChainRun> {
  const front = members.at(-1)?.url ?? "";
  const transport = createWireTransport({ url: front, protocol: "grpc" });
  const client = createClient(Chain, transport);
  const phaseMs = phaseSeconds * 1000;
  const phases: Phases = {
    normalMs: phaseMs / 4,
    slowMs: phaseMs * 1.25,
    failsMs: phaseMs * 2.25,
    backMs: phaseMs * 3.25,
    endMs: phaseMs * 4.25,
  };
  const samples: Sample[] = [];
  const latenessMs: number[] = [];
  const pending: Promise<void>[] = [];
  const beganMs = performance.now();
  const calls: Readonly<Record<Route, () => Promise<unknown>>> = {
    own: () => client.own({}, { timeoutMs: patienceMs.own }),
    near: () => client.near({}, { timeoutMs: patienceMs.near }),
    deep: () => client.deep({}, { timeoutMs: patienceMs.deep }),
  };
  const load = (["own", "near", "deep"] as const).map(async (route) => {
    for (let made = 0; ; made++) {
      // By chance, as users come: the next is due when it is due, whatever became of the one before.
      const dueMs = ((made + Math.random()) * 1000) / rates[route];
      if (dueMs >= phases.endMs) return;
      const waitMs = dueMs - (performance.now() - beganMs);
      if (waitMs > 1) await sleep(waitMs);
      latenessMs.push(performance.now() - beganMs - dueMs);
      const end = (well: boolean): void => void samples.push({ route, dueMs, latencyMs: performance.now() - beganMs - dueMs, well });
      pending.push(
        calls[route]().then(
          () => end(true),
          () => end(false),
        ),
      );
    }
  });
  await narrate(variant, { phases, beganMs, say, last: members[0] });
  await Promise.all(load);
  await Promise.all(pending);
  await transport.close();
  const late = latenessMs.toSorted((left, right) => left - right);
  return { variant, figures: figuresFrom(samples, phases), lateMsP99: late[Math.ceil(late.length * 0.99) - 1] ?? 0 };
}

async function narrate(
  variant: Variant,
  run: { readonly phases: Phases; readonly beganMs: number; readonly last: Member | undefined; say(line: string): void },
): Promise<void> {
  const { phases, beganMs, last, say } = run;
  const steps = [
    { atMs: phases.normalMs, says: "all is well", mode: { slower: 1, fails: false } },
    { atMs: phases.slowMs, says: `the last service is ${slower} times slower`, mode: { slower, fails: false } },
    { atMs: phases.failsMs, says: "the last service fails", mode: { slower: 1, fails: true } },
    { atMs: phases.backMs, says: "the last service is back", mode: { slower: 1, fails: false } },
  ];
  for (const { atMs, says, mode } of steps) {
    await systemClock.sleep(Math.max(0, atMs - (performance.now() - beganMs)));
    last?.process.send(mode);
    say(`  ${variant} · ${((performance.now() - beganMs) / 1000).toFixed(0).padStart(3)} s · ${says}`);
  }
}
