#!/usr/bin/env node
import process from "node:process";
import { auditCommand } from "./audit.ts";
import { runCommand } from "./command.ts";
import { controlCommand } from "./control.ts";
import { devCommand } from "./dev.ts";
import { gatewayCommand } from "./gateway.ts";
import { genCommand } from "./gen.ts";
import { linkCommand } from "./link.ts";
import { loadCommand } from "./load.ts";
import { releaseCommand } from "./release.ts";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // A second signal means "now": it finds no listener and ends the process.
  process.once(signal, () => stop.abort(new DOMException(`stopped by ${signal}`, "AbortError")));
}

const commands = [devCommand, genCommand, controlCommand, gatewayCommand, releaseCommand, auditCommand, linkCommand, loadCommand];

process.exitCode = await runCommand(commands, process.argv.slice(2), {
  out: (line) => console.log(line),
  err: (line) => console.error(line),
  terminal: process.stderr.isTTY === true,
  environment: process.env,
  signal: stop.signal,
});
