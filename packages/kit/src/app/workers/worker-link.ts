import cluster from "node:cluster";
import process from "node:process";
import { hasWorkerPlace } from "../environment.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { AdminStatus } from "../admin.ts";
import type { WorkerMessage } from "./worker-messages.ts";
import { isMetricsRequest } from "./worker-messages.ts";

/** How a worker tells its group of itself. */
export interface WorkerLink {
  listening(address: { readonly host: string; readonly port: number; readonly adminAddress: string }): void;
  status(status: AdminStatus): void;
}

/** Whether this process is a worker of a group of apps. */
export function isGroupWorker(): boolean {
  return cluster.isWorker && hasWorkerPlace();
}

/** The link of this process to its group. It ends with the process. */
export function linkToGroup(metrics: Metrics): WorkerLink {
  // A group that is gone is noticed by the platform, which ends the worker.
  const tell = (message: WorkerMessage): void => void process.send?.(message, undefined, {}, () => undefined);
  process.on("message", (message) => {
    if (isMetricsRequest(message)) tell({ weir: "metrics", id: message.id, text: metrics.text() });
  });
  return {
    listening: (address) => tell({ weir: "listening", ...address }),
    status: (status) => tell({ weir: "status", status }),
  };
}
