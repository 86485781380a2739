import process from "node:process";
import { swapUnderLoad } from "./testdata/swap-load.ts";
import { slopeOf } from "./testdata/slope.ts";

// The whole of it: npm run soak:swaps [-- 1000]. The figure of memory needs --expose-gc, and --no-compilation-cache: V8 keeps the text of what it
// has compiled until memory is short, but not through a collection that is asked for.
const count = Number(process.argv[2] ?? 1000);
const report = await swapUnderLoad({
  ruleChanges: count,
  engineSwaps: count,
  onProgress: (rules, engines) => process.stderr.write(`\r${rules} rule changes, ${engines} swaps of the engine`),
});
// Calls of self-tests are remembered until their deadline, half a minute: before that there is nothing to be seen.
const settled = report.heap.filter(({ seconds }) => seconds > 40);
const { slope, low, high } = slopeOf(settled.map(({ changes, bytes }) => ({ x: changes, y: bytes })));
const { heap: _, failures, mixed, ...rest } = report;
process.stderr.write("\n");
process.stdout.write(
  `${JSON.stringify({ ...rest, failures: failures.length, mixed: mixed.length, heapFirst: settled[0]?.bytes, heapLast: settled.at(-1)?.bytes, bytesPerChange: { slope, low, high } }, undefined, 2)}\n`,
);
process.exitCode = failures.length + mixed.length + report.rolledBack > 0 ? 1 : 0;
