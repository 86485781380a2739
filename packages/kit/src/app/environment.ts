import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { LogLevel } from "../telemetry/logger.ts";
import { logLevels } from "../telemetry/logger.ts";

const workersMax = 64;

/** What `run()` takes from the environment where the options of the app say nothing. See docs/operations.md. */
export interface AppEnvironment {
  /** WEIR_HOST. */
  readonly host?: string | undefined;
  /** WEIR_PORT and WEIR_ADMIN_PORT: 0 to 65535. */
  readonly port?: number | undefined;
  readonly adminPort?: number | undefined;
  /** WEIR_WORKERS: 1 to 64. */
  readonly workers?: number | undefined;
  /** WEIR_VERSION. */
  readonly version?: string | undefined;
  /** WEIR_CONTROL_URL and WEIR_TOKEN: where to register, and with what. */
  readonly controlUrl?: string | undefined;
  readonly token?: string | undefined;
  /** WEIR_LOG_LEVEL: debug, info, warn, error or silent. */
  readonly logLevel?: LogLevel | undefined;
}

/** Reads the variables; an empty one counts as absent. ENVIRONMENT_INVALID for a value that cannot be. */
export function environmentFrom(variables: Readonly<Record<string, string | undefined>>): AppEnvironment {
  const text = (name: string): string | undefined => variables[name] || undefined;
  return {
    host: text("WEIR_HOST"),
    port: portFrom("WEIR_PORT", text("WEIR_PORT")),
    adminPort: portFrom("WEIR_ADMIN_PORT", text("WEIR_ADMIN_PORT")),
    workers: workersFrom(text("WEIR_WORKERS")),
    version: text("WEIR_VERSION"),
    controlUrl: text("WEIR_CONTROL_URL"),
    token: text("WEIR_TOKEN"),
    logLevel: logLevelFrom(text("WEIR_LOG_LEVEL")),
  };
}

/** Set by a group for its workers, not by people: which of its places the process has. */
export const workerPlaceVariable = "WEIR_WORKER_PLACE";

/** Whether a group of workers started this process. */
export function hasWorkerPlace(): boolean {
  return process.env[workerPlaceVariable] !== undefined;
}

/** The environment of this process. */
export function processEnvironment(): AppEnvironment {
  return environmentFrom(process.env);
}

/** Ends this process; only `run()`, the user's main, does so. */
export function exitProcess(code: number): never {
  process.exit(code);
}

function portFrom(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw fault(kitReasons.ENVIRONMENT_INVALID, `Expected ${name} to be a port from 0 to 65535, found "${text}".`);
  return port;
}

function workersFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const workers = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (workers >= 1 && workers <= workersMax) return workers;
  throw fault(kitReasons.ENVIRONMENT_INVALID, `Expected WEIR_WORKERS to be from 1 to ${workersMax}, found "${text}".`);
}

function logLevelFrom(text: string | undefined): LogLevel | undefined {
  const level = logLevels.find((each) => each === text);
  if (text === undefined || level !== undefined) return level;
  throw fault(kitReasons.ENVIRONMENT_INVALID, `Expected WEIR_LOG_LEVEL to be one of ${logLevels.join(", ")}, found "${text}".`);
}
