import type { ParseArgsOptionsConfig } from "node:util";
import { parseArgs } from "node:util";
import { fault, faultFrom } from "@weir/kit/fault";
import { cliReasons } from "./reasons.ts";

/** Where a command writes, and what it may know of its surroundings. */
export interface Io {
  /** Writes a line that is the command's answer. */
  out(line: string): void;
  /** Writes a line about progress or trouble. */
  err(line: string): void;
  /** Whether a person watches: colours and live lines only then. */
  readonly terminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborts when the process is asked to stop. */
  readonly signal: AbortSignal;
}

/** What was asked of a command. */
export interface Invocation {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
  readonly io: Io;
}

/** One command of `weir`. `run` answers the exit code: 0 done, 1 failed, 2 not understood. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Shown by --help, with an example. */
  readonly help: string;
  readonly options: ParseArgsOptionsConfig;
  run(invocation: Invocation): Promise<number>;
}

const common = { help: { type: "boolean", short: "h" }, json: { type: "boolean" } } as const;

/** Finds the command, parses its arguments, runs it; every failure becomes a line for people (or JSON) and an exit code. */
export async function runCommand(commands: readonly Command[], argv: readonly string[], io: Io): Promise<number> {
  const [name = "", ...rest] = argv;
  const command = commands.find((candidate) => candidate.name === name);
  if (!command) return overview(commands, { name, io });
  let parsed;
  try {
    parsed = parseArgs({ args: rest, options: { ...command.options, ...common }, allowPositionals: true });
  } catch (error) {
    io.err(`weir ${name}: ${error instanceof Error ? error.message : String(error)}`);
    io.err(`Try: weir ${name} --help`);
    return 2;
  }
  const values = parsed.values as Invocation["values"];
  if (values["help"] === true) {
    io.out(command.help.trim());
    return 0;
  }
  try {
    return await command.run({ values, positionals: parsed.positionals, io });
  } catch (error) {
    const trouble = faultFrom(error);
    const cause = trouble.cause instanceof Error ? ` (${trouble.cause.message})` : "";
    if (values["json"] === true) io.out(JSON.stringify({ code: trouble.code, reason: trouble.reason, message: trouble.message }));
    else io.err(`weir ${name}: ${trouble.message}${cause} [${trouble.reason}]`);
    return 1;
  }
}

function overview(commands: readonly Command[], { name, io }: { name: string; io: Io }): number {
  const asked = name === "" || name === "help" || name === "--help" || name === "-h";
  const write = asked ? io.out : io.err;
  if (!asked) write(`weir: expected a command, found ${JSON.stringify(name)}`);
  write("Usage: weir <command> [options]\n");
  const width = Math.max(...commands.map((command) => command.name.length));
  for (const command of commands) write(`  ${command.name.padEnd(width)}  ${command.summary}`);
  write("\nEvery command has --help with an example, and --json where a machine may read the answer.");
  return asked && name !== "" ? 0 : 2;
}

/** A whole number from an option, within bounds; undefined when it was not given. Throws a message for people. */
export function wholeNumber(invocation: Invocation, option: string, { min, max }: { min: number; max: number }): number | undefined {
  const text = invocation.values[option];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw fault(cliReasons.OPTION_INVALID, `expected --${option} to be a whole number from ${min} to ${max}, found ${JSON.stringify(text)}`);
}
