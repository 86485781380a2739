import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import type { TestControl } from "./fixtures/control.ts";
import { startControl } from "./fixtures/control.ts";
import { testTokens } from "./fixtures/house.ts";
import { actionOf, methodRules } from "./methods.ts";

const page = readFileSync(new URL("../../../docs/control.md", import.meta.url), "utf8");
const run = promisify(execFile);

/** Stands for what differs each time. */
const anything = "…";

interface Example {
  readonly command: string;
  /** What it prints, one JSON value after the other. */
  readonly answers: string;
}

const examples: Example[] = [...page.matchAll(/```sh\n([^]*?)```\n\n```json\n([^]*?)```/g)].map(([, command = "", answers = ""]) => ({
  command,
  answers,
}));

const skip = spawnSync("curl", ["--version"]).status === 0 ? false : "needs curl: install it, and the examples of docs/control.md are run";

describe("docs/control.md", { skip, timeout: 30_000 }, () => {
  let house: TestControl;
  before(async () => {
    house = await startControl();
  });
  after(() => house.close());

  test("every example has its answer", () => {
    assert.equal(examples.length, [...page.matchAll(/```sh\n/g)].length);
    assert.ok(examples.length > 10);
  });

  for (const { command, answers } of examples) {
    test(`answers as the page says: ${command.replaceAll(/\s+/g, " ").slice(-90).trim()}`, async () => {
      const env = { ...process.env, CONTROL: house.control.url, TOKEN: testTokens.admin, INSTANCE_TOKEN: testTokens.instance };
      const { stdout } = await run("sh", ["-c", command], { env, timeout: 10_000 });
      // One after the other, as the shell prints them.
      const found = JSON.parse(`[${stdout.replaceAll("}{", "},{")}]`) as unknown[];
      const expected = answers
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
      assert.deepEqual(
        found.map((value, index) => masked(value, expected[index])),
        expected,
      );
    });
  }

  test("the table of roles says what the rules say", () => {
    const rows = [...page.matchAll(/^\| ([A-Z][\w., ]+) \| ([\w, ]+) \|$/gm)];
    const said = rows.flatMap(([, methods = "", roles = ""]) => methods.split(", ").map((method) => [method, roles]));
    const ruled = Object.entries(methodRules).map(([path, { roles }]) => [actionOf(path), roles === "anyone" ? roles : roles.join(", ")]);
    assert.deepEqual(Object.fromEntries(said), Object.fromEntries(ruled));
  });
});

/** The value with everything masked that the page does not say. */
function masked(value: unknown, expected: unknown): unknown {
  if (expected === anything) return value === undefined ? value : anything;
  if (Array.isArray(value) && Array.isArray(expected)) return value.map((one, index) => masked(one, expected[index]));
  if (typeof value !== "object" || value === null || typeof expected !== "object" || expected === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, masked(field, (expected as Record<string, unknown>)[name])]),
  );
}
