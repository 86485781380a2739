import type { App } from "@weir/kit/app";
import { createApp } from "@weir/kit/app";
import { runDaemons } from "@weir/kit/app/daemons";
import type { Logger } from "@weir/kit/call";
import { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { systemClock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import { createConsoleFiles } from "./console-files.ts";
import { observeRooms } from "./control-metrics.ts";
import type { BootstrapTokens } from "./identity/bootstrap.ts";
import { controlReasons } from "./reasons.ts";
import type { Rooms } from "./rooms.ts";
import { openRooms } from "./rooms.ts";
import type { RoleName } from "./tables.ts";

/** How control is started. */
export interface ControlOptions {
  /** "sqlite:/path/control.db" or "postgres://user:password@host/name". */
  readonly databaseUrl: string;
  /** Default "127.0.0.1". */
  readonly host?: string;
  /** API and console. Default 0, any free one. */
  readonly port?: number;
  /** /healthz, /readyz, /metrics. Default 0, any free one. */
  readonly adminPort?: number;
  /** The console's built pages, served from the same port. Default none. */
  readonly consoleDirectory?: string | undefined;
  /** Texts of tokens that exist from the start, each of at least 32 characters; stored as hashes. Default none. */
  readonly bootstrapTokens?: BootstrapTokens;
  /** How long a registration holds without a heartbeat. Default 1500, 500 to 60,000. */
  readonly leaseMs?: number;
  /** How often a heartbeat is wanted. Default a third of the lease. */
  readonly heartbeatMs?: number;
  /** How long answers in flight may take when control stops. Default 3000. */
  readonly drainMsMax?: number;
  readonly clock?: Clock;
  /** Default none. */
  readonly log?: Logger;
}

/** A running control plane. */
export interface Control {
  /** Where the API and the console are: "http://127.0.0.1:7070". */
  readonly url: string;
  readonly adminUrl: string;
  /** Makes a one-time link to the console, good for ten minutes. Default role operator, default name "console". */
  createLink(person?: { readonly name?: string; readonly role?: Extract<RoleName, "viewer" | "operator" | "admin"> }): Promise<ControlLink>;
  /** Ends the streams, answers what is in flight, and closes the database. Asking again waits for the same end. */
  stop(): Promise<void>;
}

/** A one-time link to the console. */
export interface ControlLink {
  readonly url: string;
  readonly code: string;
  readonly expiresAtMs: number;
}

const leaseMsMin = 500;
const leaseMsMax = 60_000;
const requestBytesMax = 1024 * 1024;
const responseBytesMax = 16 * 1024 * 1024;

/**
 * Starts the control plane: opens and takes over the database, serves REST and Connect, and watches over instances.
 * Rejects with CONTROL_OPTIONS_INVALID, with ADDRESS_UNAVAILABLE, or with the Fault of the database; then nothing is left
 * behind. It may be killed at any moment: what it has answered is on the disk.
 */
export async function createControl(options: ControlOptions): Promise<Control> {
  const { databaseUrl, clock = systemClock, log = new Call().log, bootstrapTokens = {} } = options;
  const fallback = createConsoleFiles(options.consoleDirectory);
  const rooms = await openRooms({ databaseUrl, bootstrapTokens, clock, log, ...leaseFrom(options) });
  const app = createApp({
    name: "control",
    services: rooms.implementations,
    layers: rooms.layers,
    host: options.host,
    port: options.port,
    adminPort: options.adminPort,
    rpc: { requestBytesMax, responseBytesMax, fallback },
    timeouts: { drainMsMax: options.drainMsMax ?? 3000 },
    log,
    clock,
  });
  observeRooms(app.metrics, rooms);
  const running = await startOrClose(app, rooms);
  const stopping = new AbortController();
  const watched = runDaemons(rooms.daemons, { signal: stopping.signal, clock, log }).catch((error: unknown) => {
    log.error("a part of control did not stop as it should", { error });
  });
  const url = `http://${hostText(running.host)}:${running.port}`;
  let stopped: Promise<void> | undefined;
  return {
    url,
    adminUrl: `http://${hostText(running.host)}:${running.adminPort}`,
    async createLink({ name = "console", role = "operator" } = {}) {
      const { code, expiresAtMs } = await rooms.createLink({ name, role });
      return { url: `${url}/#/sign-in?code=${code}`, code, expiresAtMs };
    },
    stop() {
      stopped ??= stopInOrder();
      return stopped;
    },
  };

  async function stopInOrder(): Promise<void> {
    // Streams never end by themselves; their clients look for another control while calls are still answered.
    rooms.endStreams();
    await running.stop();
    stopping.abort();
    await watched;
    await rooms.close();
  }
}

async function startOrClose(app: App, rooms: Rooms): ReturnType<App["start"]> {
  try {
    return await app.start();
  } catch (error) {
    await rooms.close();
    throw error;
  }
}

function leaseFrom({ leaseMs = 1500, heartbeatMs = Math.round(leaseMs / 3) }: ControlOptions): { leaseMs: number; heartbeatMs: number } {
  if (leaseMs >= leaseMsMin && leaseMs <= leaseMsMax && heartbeatMs > 0 && heartbeatMs <= leaseMs / 2) return { leaseMs, heartbeatMs };
  const expected = `a lease of ${leaseMsMin} to ${leaseMsMax} ms and at least two heartbeats in it`;
  throw fault(controlReasons.CONTROL_OPTIONS_INVALID, `Expected ${expected}, found ${leaseMs} and ${heartbeatMs} ms.`);
}

function hostText(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
