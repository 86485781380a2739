#!/usr/bin/env node
import process from "node:process";
import { runCommand } from "./command.ts";
import { genCommand } from "./gen.ts";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // A second signal means "now": it finds no listener and ends the process.
  process.once(signal, () => stop.abort(new DOMException(`stopped by ${signal}`, "AbortError")));
}

// `gen` must run while what it generates is missing or broken, and the other commands import that.
const commands = process.argv[2] === "gen" ? [genCommand] : (await import("./commands.ts")).commands;

process.exitCode = await runCommand(commands, process.argv.slice(2), {
  out: (line) => console.log(line),
  err: (line) => console.error(line),
  terminal: process.stderr.isTTY === true,
  environment: process.env,
  signal: stop.signal,
});
