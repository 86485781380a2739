import { join } from "node:path";
import type { ProcessSpec } from "./processes.ts";

/** What `weir dev` runs, from its options. */
export interface DevPlan {
  readonly gatewayPort: number;
  readonly controlPort: number;
  /** Instances of each version of the feed. */
  readonly instances: number;
  /** Requests a second of the made-up users; 0 for none. */
  readonly rate: number;
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

/** The instances of one version of the feed. */
export function feedProcesses(plan: DevPlan, version: string): ProcessSpec[] {
  return Array.from({ length: plan.instances }, (_, index) => ({
    name: `feed-${version}-${index + 1}`,
    args: [join(plan.root, "examples", "feed", "main.ts")],
    environment: { WEIR_VERSION: version, WEIR_CONTROL_URL: controlUrlOf(plan), WEIR_TOKEN: plan.tokens.instance, WEIR_PORT: "0", WEIR_ADMIN_PORT: "0" },
  }));
}

/** The made-up users. */
export function loadProcess(plan: DevPlan): ProcessSpec {
  return { name: "users", args: [plan.main, "load", "--port", String(plan.gatewayPort), "--rate", String(plan.rate), "--seconds", "0"] };
}
