import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

/** One command that must succeed before the tests mean anything. */
export interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** What a person does when it fails. */
  readonly cure: string;
}

/** What came of a step. */
export interface StepResult {
  readonly name: string;
  readonly ok: boolean;
  readonly durationMs: number;
  readonly output: string;
}

const outputBytesMax = 1 << 20;

/** What is written for browsers has types of its own. */
const pages = [
  ["types of the console", "packages/console"],
  ["types of the feed's page", "examples/feed/browser"],
] as const;

/** The steps of `npm test` before the tests themselves, in order. */
export function checkSteps(root: string): Step[] {
  const bin = (name: string): string => `${root}node_modules/.bin/${name}`;
  const steps: Step[] = [
    { name: "generated", command: [process.execPath, "packages/cli/src/main.ts", "gen", "--check"], cure: "npm run gen" },
    { name: "format", command: [bin("oxfmt"), "--check", "."], cure: "npm run format" },
    { name: "lint", command: [bin("oxlint"), "--deny-warnings"], cure: "npm run lint" },
    { name: "types", command: [bin("tsc"), "-p", "."], cure: "npm run typecheck" },
  ];
  for (const [name, project] of pages) {
    if (!existsSync(`${root}${project}/tsconfig.json`)) continue;
    steps.push({ name, command: [bin("tsc"), "-p", project, "--noEmit"], cure: `npx tsc -p ${project} --noEmit` });
  }
  return steps;
}

/** Runs a step from `root` and keeps what it said; at most 1 MiB of it, and at most `timeoutMs` long (default 5 minutes). */
export function runStep(step: Step, options: { root: string; timeoutMs?: number }): Promise<StepResult> {
  const startedMs = performance.now();
  const [command = "", ...args] = step.command;
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: options.root, stdio: ["ignore", "pipe", "pipe"], timeout: options.timeoutMs ?? 300_000 });
    let output = "";
    const keep = (chunk: Buffer): void => {
      if (output.length < outputBytesMax) output += chunk.toString("utf8");
    };
    const end = (ok: boolean, more: string): void =>
      resolve({ name: step.name, ok, durationMs: performance.now() - startedMs, output: `${output}${more}`.trimEnd() });
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => end(false, error.message));
    child.on("close", (code, signal) => end(code === 0, signal === null ? "" : `\nended by ${signal}`));
  });
}
