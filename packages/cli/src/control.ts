import { resolve } from "node:path";
import process from "node:process";
import { createControl } from "@weir/control";
import { systemClock } from "@weir/kit/clock";
import { createLogger } from "@weir/kit/telemetry/logger";
import type { Command } from "./command.ts";
import { portFrom, stopped } from "./settings.ts";

/** `weir control`: the control plane, in this process, until it is told to stop. */
export const controlCommand: Command = {
  name: "control",
  summary: "run the control plane",
  help: `
Usage: weir control

Runs the control plane with its console until SIGTERM. It is told by its environment:

  WEIR_HOST               address to listen on; default 127.0.0.1
  WEIR_PORT               API and console; default 7070
  WEIR_ADMIN_PORT         /healthz, /readyz, /metrics; default 7071
  WEIR_STATE_DIRECTORY    where the SQLite file lives; default .weir/control
  WEIR_DATABASE_URL       PostgreSQL instead of SQLite
  WEIR_CONSOLE_DIRECTORY  the console's built pages; none: no console
  WEIR_ADMIN_TOKEN        a token of role admin that exists from the start (likewise
  WEIR_INSTANCE_TOKEN     for instances that register
  WEIR_DATA_PLANE_TOKEN   and for gateways), each at least 32 characters

Example:
  WEIR_ADMIN_TOKEN=$(openssl rand -hex 32) weir control`,
  options: {},
  async run({ io }) {
    const { environment } = io;
    const log = createLogger({ write: io.out, clock: systemClock, fields: { process: "control" } });
    const control = await createControl({
      databaseUrl:
        environment["WEIR_DATABASE_URL"] || `sqlite:${resolve(environment["WEIR_STATE_DIRECTORY"] ?? ".weir/control", "control.db")}`,
      host: environment["WEIR_HOST"] ?? "127.0.0.1",
      port: portFrom(io, { name: "WEIR_PORT", fallback: 7070 }),
      adminPort: portFrom(io, { name: "WEIR_ADMIN_PORT", fallback: 7071 }),
      consoleDirectory: environment["WEIR_CONSOLE_DIRECTORY"],
      bootstrapTokens: {
        admin: environment["WEIR_ADMIN_TOKEN"],
        instance: environment["WEIR_INSTANCE_TOKEN"],
        dataPlane: environment["WEIR_DATA_PLANE_TOKEN"],
      },
      clock: systemClock,
      log,
    });
    log.info("control serves", { url: control.url, adminUrl: control.adminUrl, pid: process.pid });
    await stopped(io.signal);
    await control.stop();
    return 0;
  },
};
