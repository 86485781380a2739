import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { systemClock } from "@weir/kit/clock";
import { isFault } from "@weir/kit/fault";
import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { HelloClient } from "../hello.weir.ts";
import { Hello } from "../hello.weir.ts";

/** What urgent and bulk calls compute, and how many of them come a second. */
export const work: Readonly<Record<"urgent" | "bulk", { readonly computesMs: number; readonly perSecond: number }>> = {
  urgent: { computesMs: 2, perSecond: 60 },
  bulk: { computesMs: 10, perSecond: 200 },
};

/** An instance as a process of its own, and clients of it: lanes have connections of their own. */
export interface Instance extends AsyncDisposable {
  readonly urgent: HelloClient;
  readonly bulk: HelloClient;
}

/** What one turn found. */
export interface Turn {
  /** Of urgent calls, from when they were due until they were answered. */
  readonly wallMs: readonly number[];
  /** What the instance's thread computed, for whomever, between beginning and end of each urgent call. */
  readonly computedMs: readonly number[];
  readonly urgentFailures: number;
  readonly bulkAnswered: number;
  /** Refused for want of a place, or given up after ten seconds. */
  readonly bulkRefused: number;
}

/** Starts an instance with lanes, or one that serves first come, first. */
export async function startInstance(kind: "lanes" | "first-come"): Promise<Instance> {
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(new URL("server-main.ts", import.meta.url)), kind], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const [said] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  const url = `http://127.0.0.1:${said.toString().trim()}`;
  const transports = [0, 1].map(() => createWireTransport({ url, protocol: "grpc" }));
  const [urgent, bulk] = transports.map((transport) => createClient(Hello, transport)) as [HelloClient, HelloClient];
  return {
    urgent,
    bulk,
    async [Symbol.asyncDispose]() {
      await Promise.all(transports.map((transport) => transport.close()));
      child.stdin?.end();
      await ended;
    },
  };
}

/** One turn of an open loop: calls are made when they are due by chance (Poisson), whether others were answered or not. */
export async function takeTurn(
  instance: Instance,
  { seconds, withBulk, random }: { readonly seconds: number; readonly withBulk: boolean; readonly random: () => number },
): Promise<Turn> {
  const wallMs: number[] = [];
  const computedMs: number[] = [];
  const counted = { urgentFailures: 0, bulkAnswered: 0, bulkRefused: 0 };
  const answers: Promise<void>[] = [];
  const askUrgent = async (dueMs: number): Promise<void> => {
    try {
      const { score } = await instance.urgent.greet(
        { name: `${work.urgent.computesMs}` },
        { metadata: ["x-lane", "urgent"], timeoutMs: 10_000 },
      );
      wallMs.push(performance.now() - dueMs);
      computedMs.push(score);
    } catch {
      counted.urgentFailures += 1;
    }
  };
  const askBulk = async (): Promise<void> => {
    try {
      await instance.bulk.greet({ name: `${work.bulk.computesMs}` }, { metadata: ["x-lane", "bulk"], timeoutMs: 10_000 });
      counted.bulkAnswered += 1;
    } catch (thrown) {
      if (!isFault(thrown) || !["BULKHEAD_FULL", "DEADLINE_EXCEEDED"].includes(thrown.reason)) throw thrown;
      counted.bulkRefused += 1;
    }
  };
  const urgent = arrivals(work.urgent.perSecond, { seconds, random }, (dueMs) => answers.push(askUrgent(dueMs)));
  const bulk = withBulk ? arrivals(work.bulk.perSecond, { seconds, random }, () => answers.push(askBulk())) : undefined;
  await Promise.all([urgent, bulk]);
  await Promise.all(answers);
  return { wallMs, computedMs, ...counted };
}

async function arrivals(
  perSecond: number,
  { seconds, random }: { readonly seconds: number; readonly random: () => number },
  ask: (dueMs: number) => void,
): Promise<void> {
  const endMs = performance.now() + seconds * 1000;
  let dueMs = performance.now();
  for (;;) {
    dueMs += (-Math.log(1 - random()) * 1000) / perSecond;
    if (dueMs > endMs) return;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await systemClock.sleep(waitMs);
    ask(dueMs);
  }
}
