import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { suiteContracts } from "../services/suite-contracts.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const outputBytesMax = 64 * 1024 * 1024;
/** Suites start our programs dozens of times; with what was compiled before, a start costs less than half. */
const environment = { ...process.env, NODE_COMPILE_CACHE: join(root, ".weir", "compile-cache") };

/** Why a test that needs these programs of others is skipped; false when they and the contracts of the suites are there. */
export function suiteMissing(...variables: readonly string[]): string | false {
  const missing = variables.filter((name) => !existsSync(process.env[name] ?? ""));
  if (missing.length === 0 && suiteContracts(root) !== undefined) return false;
  return `needs ${missing.join(", ") || "the contracts of the suites"}: eval "$(node tools/services.ts up)"`;
}

/** What our programs for the suites are. */
export type SuiteProgram = "conformance-client" | "conformance-server" | "foreign-clients" | "interop-client" | "interop-server";

const programs: Readonly<Record<SuiteProgram, URL>> = {
  "conformance-client": new URL("programs/conformance-client.ts", import.meta.url),
  "conformance-server": new URL("programs/conformance-server.ts", import.meta.url),
  "foreign-clients": new URL("programs/foreign-clients.ts", import.meta.url),
  "interop-client": new URL("programs/interop-client.ts", import.meta.url),
  "interop-server": new URL("programs/interop-server.ts", import.meta.url),
};

/** Path of one of our programs. */
export function programFile(name: SuiteProgram): string {
  return fileURLToPath(programs[name]);
}

/** What a program said and how it ended. */
export interface ProgramResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a program to its end; it is killed after `timeoutMs`, default 5 minutes. */
export function runProgram(path: string, args: readonly string[], timeoutMs: number = 300_000): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      cwd: root,
      env: environment,
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    const grown = (text: string, more: string): string => (text.length < outputBytesMax ? text + more : text);
    child.stdout.setEncoding("utf8").on("data", (more: string) => (output = grown(output, more)));
    child.stderr.setEncoding("utf8").on("data", (more: string) => (errors = grown(errors, more)));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output, errors }));
  });
}

/** A program that runs until it is told to end. */
export interface StartedProgram {
  /** What `ready` found. */
  readonly found: RegExpExecArray;
  /** Ends it and resolves when it is gone. */
  stop(): Promise<void>;
}

/** How to start a program that goes on. */
export interface StartOptions {
  /** What it says, on either output, when it can be used. */
  readonly ready: RegExp;
  readonly env?: Readonly<Record<string, string>>;
  /** Default 20 seconds. */
  readonly timeoutMs?: number;
}

/** Starts a program and resolves when it says that it is ready; rejects when it ends before or takes too long. */
export function startProgram(
  path: string,
  args: readonly string[],
  { ready, env = {}, timeoutMs = 20_000 }: StartOptions,
): Promise<StartedProgram> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd: root, env: { ...environment, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const gone = new Promise<void>((resolve) => void child.once("close", () => resolve()));
    let said = "";
    const fail = (what: string): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`expected ${path} to say ${ready}, ${what}:\n${said}`));
    };
    const timer = setTimeout(() => fail(`waited ${timeoutMs} ms`), timeoutMs);
    const stop = (): Promise<void> => {
      child.kill("SIGTERM");
      return gone;
    };
    const listen = (more: string): void => {
      said = (said + more).slice(-4096);
      const found = ready.exec(said);
      if (found === null) return;
      clearTimeout(timer);
      resolve({ found, stop });
    };
    child.stdout.setEncoding("utf8").on("data", listen);
    child.stderr.setEncoding("utf8").on("data", listen);
    child.once("error", (error) => fail(error.message));
    child.once("close", () => fail("it ended"));
  });
}
