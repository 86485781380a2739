import type { AdminStatus } from "../admin.ts";

/** What a worker tells its group. The group asks for metrics alone; everything else is told without being asked. */
export type WorkerMessage =
  | { readonly weir: "listening"; readonly host: string; readonly port: number; readonly adminAddress: string }
  | { readonly weir: "status"; readonly status: AdminStatus }
  | { readonly weir: "metrics"; readonly id: number; readonly text: string };

/** What a group asks of a worker. */
export interface MetricsRequest {
  readonly weir: "metrics?";
  readonly id: number;
}

/** Whether a message between processes is one of ours; users may send their own. */
export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return isOurs(message) && ["listening", "status", "metrics"].includes(message.weir);
}

/** Whether a group asks. */
export function isMetricsRequest(message: unknown): message is MetricsRequest {
  return isOurs(message) && message.weir === "metrics?";
}

function isOurs(message: unknown): message is { readonly weir: string } {
  return typeof message === "object" && message !== null && "weir" in message && typeof message.weir === "string";
}
