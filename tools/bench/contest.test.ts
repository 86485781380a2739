import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { programPath } from "../check/real-parts.ts";
import type { Suite } from "./contest.ts";
import { runContest } from "./contest.ts";
import type { Contestant } from "./contestant.ts";

const isPinnable = process.platform === "linux" && programPath("taskset") !== undefined && availableParallelism() > 1;
const skip = isPinnable ? false : "pins cores: runs on Linux with taskset and two cores";

/** A server in one line that answers `body` with `status`, from the second request on if `later`. */
function server(name: string, answer: string): Contestant {
  const code = `let n = 0; require("node:http").createServer((_, r) => { n++; ${answer} }).listen(Number(process.argv[1]), "127.0.0.1")`;
  return { name, command: ({ port }) => [process.execPath, "-e", code, `${port}`] };
}

function suiteOf(contestants: Contestant[]): Suite {
  return { name: "planted", contestants, backend: undefined, path: "/", connections: 4 };
}

const options = { seconds: 1, rounds: 1, say: (): void => {} };
const good = 'r.end("same");';

test("a contest refuses contestants that answer differently", { skip }, async () => {
  const outcome = await runContest(suiteOf([server("a", good), server("b", 'r.end("other");')]), options);
  assert.equal(outcome.valid, false);
  assert.deepEqual(outcome.why, ["answers differ: a gave 200 same, b gave 200 other"]);
});

test("a contest in which answers turn bad is not valid", { skip }, async () => {
  const outcome = await runContest(
    suiteOf([server("a", good), server("b", 'r.statusCode = n > 100 ? 503 : 200; r.end("same");')]),
    options,
  );
  assert.equal(outcome.valid, false);
  assert.match(outcome.why.join("\n"), /b: \d+ answers were not 200/);
});

test("a contestant that does not start is named with what it said", { skip }, async () => {
  const broken: Contestant = { name: "broken", command: () => [process.execPath, "-e", 'throw new Error("no way")'] };
  await assert.rejects(runContest(suiteOf([broken]), options), /broken did not answer 200 .*\n[\s\S]*no way/);
});
