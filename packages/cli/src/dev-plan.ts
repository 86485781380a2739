import { join } from "node:path";
import type { ProcessSpec } from "./processes.ts";

/** What `weir dev` runs, from its options. */
export interface DevPlan {
  readonly gatewayPort: number;
  readonly controlPort: number;
  /** Instances of each version of the feed. */
  readonly instances: number;
  /** Pages a second that made-up visitors ask for; 0 for none. */
  readonly visitors: number;
  readonly directory: string;
  /** File of the executable. */
  readonly main: string;
  /** Root of the repository: where the examples are. */
  readonly root: string;
  readonly tokens: DevTokens;
}

/** Secrets made anew at every start; processes get them by their environment, never by arguments. */
export interface DevTokens {
  readonly admin: string;
  readonly instance: string;
  readonly dataPlane: string;
}

/** Where control listens for people and data planes. */
export function controlUrlOf(plan: Pick<DevPlan, "controlPort">): string {
  return `http://127.0.0.1:${plan.controlPort}`;
}

/** The control plane. */
export function controlProcess(plan: DevPlan): ProcessSpec {
  return {
    name: "control",
    args: [plan.main, "control"],
    environment: {
      WEIR_PORT: String(plan.controlPort),
      WEIR_ADMIN_PORT: String(plan.controlPort + 1),
      WEIR_STATE_DIRECTORY: join(plan.directory, "control"),
      WEIR_CONSOLE_DIRECTORY: join(plan.root, "packages", "console", "dist"),
      WEIR_ADMIN_TOKEN: plan.tokens.admin,
      WEIR_INSTANCE_TOKEN: plan.tokens.instance,
      WEIR_DATA_PLANE_TOKEN: plan.tokens.dataPlane,
    },
  };
}

/** The gateway. */
export function gatewayProcess(plan: DevPlan): ProcessSpec {
  return {
    name: "gateway",
    args: [plan.main, "gateway"],
    environment: {
      WEIR_PORT: String(plan.gatewayPort),
      WEIR_ADMIN_PORT: String(plan.gatewayPort + 1),
      WEIR_NAME: "gateway-1",
      WEIR_STATE_DIRECTORY: join(plan.directory, "gateway"),
      WEIR_CONTROL_URL: controlUrlOf(plan),
      WEIR_TOKEN: plan.tokens.dataPlane,
    },
  };
}

/** The instances of recall, which every feed asks over gRPC. */
export function recallProcesses(plan: DevPlan): ProcessSpec[] {
  return Array.from({ length: recallInstances }, (_, index) => ({
    name: `recall-${index + 1}`,
    args: [join(plan.root, "examples", "feed", "recall-main.ts")],
    environment: { ...instanceEnvironment(plan), WEIR_VERSION: "v1" },
  }));
}

/** One more than is needed, so that one may be gone. */
export const recallInstances = 2;

/** The instances of one version of the feed. */
export function feedProcesses(plan: DevPlan, version: string): ProcessSpec[] {
  return Array.from({ length: plan.instances }, (_, index) => ({
    name: `feed-${version}-${index + 1}`,
    args: [join(plan.root, "examples", "feed", "main.ts")],
    environment: { ...instanceEnvironment(plan), WEIR_VERSION: version, FEED_RECALL_TARGET: "weir:///recall" },
  }));
}

function instanceEnvironment(plan: DevPlan): Readonly<Record<string, string>> {
  return { WEIR_CONTROL_URL: controlUrlOf(plan), WEIR_TOKEN: plan.tokens.instance, WEIR_PORT: "0", WEIR_ADMIN_PORT: "0" };
}

/** The made-up visitors: an open loop, whether or not answers come back in time. */
export function visitorsProcess(plan: DevPlan): ProcessSpec {
  return {
    name: "visitors",
    args: [plan.main, "load", "--port", String(plan.gatewayPort), "--rate", String(plan.visitors), "--seconds", "0"],
  };
}

/** Every port that must be free, with the option that changes it. */
export function portsOf(plan: Pick<DevPlan, "gatewayPort" | "controlPort">): { port: number; option: string }[] {
  const { gatewayPort, controlPort } = plan;
  return [gatewayPort, gatewayPort + 1]
    .map((port) => ({ port, option: "--port" }))
    .concat([controlPort, controlPort + 1].map((port) => ({ port, option: "--control-port" })));
}

/** What listens where, for people: name, address, what it is good for. */
export function addressesOf(
  plan: Pick<DevPlan, "gatewayPort" | "controlPort" | "directory">,
): [name: string, address: string, what: string][] {
  const { gatewayPort, controlPort } = plan;
  return [
    ["gateway", `http://127.0.0.1:${gatewayPort}`, "the feed: /v1/feed?userId=u1"],
    ["gateway, admin", `http://127.0.0.1:${gatewayPort + 1}`, "/healthz /readyz /metrics /snapshot"],
    ["console, API", controlUrlOf(plan), "the release page, REST and Connect"],
    ["control, admin", `http://127.0.0.1:${controlPort + 1}`, "/healthz /readyz /metrics"],
    ["logs", join(plan.directory, "logs"), "one file a process, the access log in gateway.log"],
  ];
}
