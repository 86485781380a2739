import { globSync } from "node:fs";
import { relative } from "node:path";
import { run } from "node:test";
import { inspect } from "node:util";

/** A test that was left out, and the reason that it gave. */
export interface Skipped {
  readonly file: string;
  readonly test: string;
  readonly reason: string;
}

/** What came of all tests. */
export interface TestResult {
  readonly ok: boolean;
  readonly files: number;
  /** By node:test's own names: tests, pass, fail, cancelled, skipped, todo, duration_ms. */
  readonly counts: Readonly<Record<string, number>>;
  readonly skipped: readonly Skipped[];
  readonly failed: readonly string[];
}

/** How to run them. `say` is given progress, line by line. */
export interface TestOptions {
  readonly root: string;
  readonly files: readonly string[];
  /** Processes at once. */
  readonly concurrency: number;
  /** For one file. Default 5 minutes. */
  readonly timeoutMs?: number;
  readonly say: (line: string) => void;
}

const testGlobs = ["packages/**/*.test.{ts,tsx}", "examples/**/*.test.ts", "tools/**/*.test.ts"];

/** Test files below `root` whose path contains `only`, sorted. */
export function testFiles(root: string, only: string = ""): string[] {
  const exclude = (path: string): boolean => /(^|\/)(node_modules|dist)$/.test(path);
  return globSync(testGlobs, { cwd: root, exclude })
    .filter((path) => path.includes(only))
    .toSorted();
}

/** Runs test files with node:test, each in its own process, and says how each file went. */
export async function runTests(options: TestOptions): Promise<TestResult> {
  const { root, say } = options;
  const counts: Record<string, number> = {};
  const skipped: Skipped[] = [];
  const failed: string[] = [];
  const shortPath = (file: string | undefined): string => relative(root, file ?? root);
  let done = 0;
  // Given no files, node:test would look for some itself.
  if (options.files.length === 0) return { ok: false, files: 0, counts, skipped, failed };
  const events = run({
    cwd: root,
    files: options.files.map((file) => `${root}${file}`),
    concurrency: options.concurrency,
    timeout: options.timeoutMs ?? 300_000,
  });
  for await (const event of events) {
    if (event.type === "test:pass" && event.data.skip !== undefined && event.data.skip !== false) {
      skipped.push({ file: shortPath(event.data.file), test: event.data.name, reason: event.data.skip === true ? "" : event.data.skip });
    } else if (event.type === "test:fail") {
      const error = event.data.details.error;
      // A suite and a file fail because a test in them did: said there already.
      if ("failureType" in error && error.failureType === "subtestsFailed") continue;
      const place = `${shortPath(event.data.file)}:${event.data.line ?? 0}`;
      failed.push(`${place} ${event.data.name}`);
      say(`  ✗ ${place} ${event.data.name}\n${indented(described(error.cause ?? error))}`);
    } else if (event.type === "test:stderr") {
      say(indented(event.data.message.trimEnd()));
    } else if (event.type === "test:diagnostic" && event.data.nesting === 0) {
      const [, name, value] = /^(\w+) ([\d.]+)$/.exec(event.data.message) ?? [];
      if (name !== undefined) counts[name] = Number(value);
    } else if (event.type === "test:summary" && event.data.file !== undefined) {
      done++;
      const { passed, failed: failures, skipped: skips, cancelled } = event.data.counts;
      const parts = [`${passed} passed`, failures + cancelled && `${failures + cancelled} failed`, skips && `${skips} skipped`].filter(
        Boolean,
      );
      const mark = event.data.success ? "✓" : "✗";
      say(
        `  ${mark} [${done}/${options.files.length}] ${shortPath(event.data.file)} · ${parts.join(", ")} · ${seconds(event.data.duration_ms)}`,
      );
    }
  }
  const ok = failed.length === 0 && (counts["fail"] ?? 0) === 0 && (counts["cancelled"] ?? 0) === 0 && (counts["tests"] ?? 0) > 0;
  return { ok, files: options.files.length, counts, skipped, failed };
}

/** Node:test's closing lines, as its TAP reporter writes them. */
export function closingLines(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, value]) => `# ${name} ${value}`)
    .join("\n");
}

/** A duration for people: "0.4 s". */
export function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

const failureCharsMax = 6000;

/** What went wrong, without the long tail of both compared values. */
function described(error: unknown): string {
  const whole = error instanceof Error ? (error.stack ?? error.message) : inspect(error, { colors: false });
  const text = whole
    .split("\n")
    .filter((line) => !/^ +at .*\(?node:internal/.test(line))
    .join("\n");
  return text.length <= failureCharsMax ? text : `${text.slice(0, failureCharsMax)}\n… ${text.length - failureCharsMax} more characters`;
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `      ${line}`)
    .join("\n");
}
