import { systemClock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import { Registry, State } from "@weir/kit/app/registry";
import { createClient } from "@weir/kit/rpc/client";
import type { Transport } from "@weir/kit/rpc/transport";
import { Role } from "@weir/api/identity";
import { Routes } from "@weir/api/routes";
import type { Io } from "./command.ts";
import type { Credentials } from "./credentials.ts";
import { controlTransport, saveCredentials } from "./credentials.ts";
import type { DevPlan } from "./dev-plan.ts";
import {
  addressesOf,
  controlProcess,
  controlUrlOf,
  feedProcesses,
  gatewayProcess,
  recallInstances,
  recallProcesses,
  visitorsProcess,
} from "./dev-plan.ts";
import { createLink } from "./link.ts";
import type { Processes } from "./processes.ts";
import { cliReasons } from "./reasons.ts";

const readyMsMax = 60_000;

/** What `startHouse` works with. */
export interface HouseStart {
  readonly plan: DevPlan;
  readonly processes: Processes;
  readonly io: Io;
  /** Told after each part that serves. */
  readonly step: (name: string, done: string) => void;
  readonly json: boolean;
}

/**
 * Starts control, recall, the feed's versions, the gateway and the visitors, each once the one before serves, and prints where
 * everything is. Rejects with START_TIMED_OUT or PROCESS_FAILED.
 */
export async function startHouse(start: HouseStart): Promise<void> {
  const { plan, io, json } = start;
  const credentials = { controlUrl: controlUrlOf(plan), token: plan.tokens.admin };
  const transport = controlTransport(credentials);
  try {
    await startParts(start, { credentials, transport });
  } finally {
    await transport.close();
  }
  const link = await createLink(credentials, { role: Role.OPERATOR, name: "console" });
  for (const line of json ? [houseJson(plan, link)] : welcome(plan, link)) io.out(line);
}

async function startParts(
  { plan, processes, io, step }: HouseStart,
  { credentials, transport }: { credentials: Credentials; transport: Transport },
): Promise<void> {
  const ready = { processes, signal: io.signal };
  processes.start(controlProcess(plan));
  await until("control", () => answers(`http://127.0.0.1:${plan.controlPort + 1}/readyz`), ready);
  saveCredentials(plan.directory, credentials);
  step("control", controlUrlOf(plan));
  for (const spec of recallProcesses(plan)) processes.start(spec);
  await until("recall", async () => (await instancesOf(transport, { service: "recall", version: "v1" })) >= recallInstances, ready);
  step("recall", `${recallInstances} instances are serving`);
  for (const version of ["v1", "v2"]) {
    for (const spec of feedProcesses(plan, version)) processes.start(spec);
    await until(`feed ${version}`, async () => (await instancesOf(transport, { service: "feed", version })) >= plan.instances, ready);
    step(`feed ${version}`, `${plan.instances} instances are serving`);
  }
  await putRoute(transport);
  processes.start(gatewayProcess(plan));
  const page = `http://127.0.0.1:${plan.gatewayPort}/v1/feed?userId=u1`;
  await until("gateway", () => answers(page), ready);
  step("gateway", `http://127.0.0.1:${plan.gatewayPort}`);
  if (plan.visitors > 0) processes.start(visitorsProcess(plan));
}

function houseJson(plan: DevPlan, link: string): string {
  return JSON.stringify({ gateway: `http://127.0.0.1:${plan.gatewayPort}`, control: controlUrlOf(plan), link });
}

function welcome(plan: DevPlan, link: string): string[] {
  const rows = addressesOf(plan);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return [
    "",
    ...rows.map(([name, address, what]) => `  ${name.padEnd(widths[0]!)}  ${address.padEnd(widths[1]!)}  ${what}`),
    "",
    `Ask for a page:   curl 'http://127.0.0.1:${plan.gatewayPort}/v1/feed?userId=u1'`,
    `Move users here:  ${link}`,
    "The link signs in once, within 10 minutes; `npx weir link` makes another. Ctrl-C stops everything.",
    "",
  ];
}

/** The route that leads to the feed, made once: whoever changed it since keeps the change. */
async function putRoute(transport: Transport): Promise<void> {
  const routes = createClient(Routes, transport);
  const { routes: present } = await routes.listRoutes({}, { timeoutMs: 5000 });
  if (present.some((route) => route.name === "feed")) return;
  const route = {
    name: "feed",
    host: "",
    pathPrefix: "/v1/feed",
    service: "feed",
    userIdSources: [{ source: { case: "query", value: "userId" } as const }, { source: { case: "header", value: "x-user-id" } as const }],
    timeoutMs: 0,
    idempotent: false,
  };
  await routes.putRoute({ route, reason: "the example that weir dev runs" }, { timeoutMs: 5000 });
}

async function instancesOf(transport: Transport, { service, version }: { service: string; version: string }): Promise<number> {
  const { instances } = await createClient(Registry, transport).listInstances({ service }, { timeoutMs: 2000 });
  return instances.filter((status) => status.instance?.version === version && status.live && status.state === State.SERVING).length;
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  await response.arrayBuffer();
  return response.status === 200;
}

/** Asks until the answer is yes; trouble on the way counts as no. Rejects with START_TIMED_OUT or PROCESS_FAILED. */
async function until(
  name: string,
  ask: () => Promise<boolean>,
  { processes, signal }: { processes: Processes; signal: AbortSignal },
): Promise<void> {
  const endMs = systemClock.monotonicMs() + readyMsMax;
  while (!(await ask().catch(() => false))) {
    if (signal.aborted) throw signal.reason;
    const failed = processes.ended().find(({ ends }) => ends >= 3);
    if (failed)
      throw fault(
        cliReasons.PROCESS_FAILED,
        `expected ${failed.name} to keep running, found that it ended ${failed.ends} times: ${failed.lastWords}`,
      );
    if (systemClock.monotonicMs() > endMs)
      throw fault(cliReasons.START_TIMED_OUT, `expected ${name} to be ready within ${readyMsMax / 1000} s`);
    await systemClock.sleep(100, signal);
  }
}
