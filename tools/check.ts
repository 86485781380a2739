import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findRealParts } from "./check/real-parts.ts";
import type { RealPart } from "./check/real-parts.ts";
import { closingLines, runTests, seconds, testFiles } from "./check/run-tests.ts";
import type { TestResult } from "./check/run-tests.ts";
import { checkSteps, runStep } from "./check/steps.ts";
import type { StepResult } from "./check/steps.ts";

const help = `npm test -- [--only PATTERN | --quick] [--json]

Everything that must hold before a change is done: generated code is current, format, lint, types, all tests.

  --quick          all steps, and of the tests the rules of the house (tidy) alone: what a commit may not leave red.
                   \`npm run check\` is short for it
  --only PATTERN   one step by its name (generated, format, lint, types), or the test files whose path contains PATTERN
  --json           one JSON object on standard output, progress on standard error
  --help           this text

Tests that need a real part (PostgreSQL, Chromium, …) are skipped when it is not there, and it is said. To switch
everything on: eval "$(node tools/services.ts up)". With CI=true or WEIR_REQUIRE_SERVICES=1 a skip is a failure.

Exit codes: 0 all is well, 1 something failed, 2 the arguments are wrong.
`;

const switchOn = 'eval "$(node tools/services.ts up)"';
/** The test that holds the rules of the house. */
const houseRules = "tools/tidy.test.ts";
const root = fileURLToPath(new URL("..", import.meta.url));

interface Arguments {
  readonly only: string;
  readonly quick: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

function readArguments(): Arguments | undefined {
  try {
    const options = {
      only: { type: "string", default: "" },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    } as const;
    const { values } = parseArgs({ options });
    if (values.quick && values.only !== "") throw new Error("expected --only or --quick, found both");
    return values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    return undefined;
  }
}

async function main(given: Arguments): Promise<number> {
  const say = (line: string): void => void (given.json ? process.stderr : process.stdout).write(`${line}\n`);
  const required = process.env["CI"] === "true" || process.env["WEIR_REQUIRE_SERVICES"] === "1";
  const startedMs = performance.now();
  const parts = findRealParts(process.env);
  if (!given.quick) sayParts(parts, say);
  const all = checkSteps(root);
  const named = all.filter((step) => step.name === given.only);
  const results: StepResult[] = [];
  for (const step of given.only === "" ? all : named) {
    const result = await runStep(step, { root });
    results.push(result);
    say(`${result.ok ? "✓" : "✗"} ${step.name} · ${seconds(result.durationMs)}`);
    if (!result.ok) say(`${result.output}\n  to mend it: ${step.cure}`);
  }
  const tests = named.length > 0 ? undefined : await testsOf(given.quick ? houseRules : given.only, parts, say);
  const broken = results.filter((one) => !one.ok).map((one) => one.name);
  const skips = tests?.skipped ?? [];
  for (const one of skips) say(`skipped: ${one.file} · ${one.test} · ${one.reason || "without a reason"}`);
  if (skips.length > 0) say(required ? `✗ nothing may be skipped here, ${skips.length} skipped` : `To run what was skipped: ${switchOn}`);
  const ok = broken.length === 0 && (tests?.ok ?? true) && !(required && skips.length > 0);
  for (const one of tests?.failed ?? []) say(`failed: ${one}`);
  if (broken.length > 0) say(`failed before the tests: ${broken.join(", ")}`);
  say(`${ok ? "✓ all is well" : "✗ not well"} · ${seconds(performance.now() - startedMs)}`);
  if (given.json) {
    const steps = results.map(({ name, ok: good, durationMs }) => ({ name, ok: good, durationMs: Math.round(durationMs) }));
    const realParts = Object.fromEntries(parts.map((part) => [part.name, part.found ?? null]));
    process.stdout.write(`${JSON.stringify({ ok, steps, tests, realParts, required }, null, 2)}\n`);
  } else if (tests) say(closingLines(tests.counts));
  return ok ? 0 : 1;
}

function sayParts(parts: readonly RealPart[], say: (line: string) => void): void {
  const missing = parts.filter((part) => part.found === undefined);
  say(`real parts: ${parts.flatMap((part) => (part.found === undefined ? [] : [`${part.name} (${part.found})`])).join(", ") || "none"}`);
  if (missing.length > 0) say(`not found: ${missing.map((part) => part.name).join(", ")}; to start them: ${switchOn}`);
}

async function testsOf(only: string, parts: readonly RealPart[], say: (line: string) => void): Promise<TestResult> {
  Object.assign(process.env, ...parts.map((part) => part.env));
  const files = testFiles(root, only);
  if (files.length === 0) say(`✗ no step and no test file matches "${only}"`);
  else say(`▸ tests · ${files.length} files`);
  return runTests({ root, files, concurrency: availableParallelism(), say });
}

const given = readArguments();
if (given?.help) process.stdout.write(help);
else process.exitCode = given ? await main(given) : 2;
