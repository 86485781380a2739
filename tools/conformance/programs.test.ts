import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { generateSuites } from "./contracts.ts";
import { runProgram, suiteMissing } from "./suite-programs.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Their types are the suites' own, so they cannot be checked before those have been generated. */
test("the programs for the suites fit the types of the suites", { skip: suiteMissing() }, async () => {
  await generateSuites();
  const { output } = await runProgram(join(root, "node_modules", ".bin", "tsc"), ["-p", "tools/conformance/programs"]);
  // What the packages themselves say stands in the step "types".
  const lines = output.split("\n").filter((line) => /^(tools\/conformance|\.weir\/suites)\/.*error TS/.test(line));
  assert.deepEqual(lines, []);
});
