import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { variants } from "./chain/callers.ts";
import { plotOf } from "./chain/plot.ts";
import type { ChainRun } from "./chain/run.ts";
import { runChain } from "./chain/run.ts";
import { chainTable, shortfalls } from "./chain/verdict.ts";

const help = `npm run bench:chain -- [--seconds N] [--only NAME] [--json FILE] [--plot FILE]

A chain of four services, each a process that works on 200 requests at a time. The front is asked at a fixed rate whatever becomes
of the answers: by itself (25 a second), for its neighbour (25) and down the whole chain (120). The last one's database becomes
50 times slower, then fails, then returns. Without policies, with Weir's defaults, with opossum and with cockatiel, set alike.
Shown: success and P99 of the front's other routes in each phase, and how long after the return everything is normal again
(at least 99.5 % success and at most twice the P99, from then on). Takes 17 × seconds.

  --seconds N  length of each phase, from 4; default 10
  --only NAME  ${variants.join(", ")}; may be given more than once; default all
  --json FILE  also write everything as JSON
  --plot FILE  also draw it, as SVG
  --help       this text

  npm run bench:chain -- --json chain.json --plot docs/images/chain.svg

Exit codes: 0 all holds, 1 something does not or the run is INVALID, 2 the arguments are wrong.
`;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    only: { type: "string", multiple: true, default: [...variants] },
    json: { type: "string" },
    plot: { type: "string" },
    help: { type: "boolean" },
  },
});
const phaseSeconds = Number(values.seconds);
const wrong = values.only.find((name) => !variants.some((variant) => variant === name));
if (values.help) process.stdout.write(help);
else if (wrong !== undefined || !(phaseSeconds >= 4 && phaseSeconds <= 600)) {
  process.stderr.write(`expected --only ${variants.join(" or ")} and --seconds from 4 to 600, found ${wrong ?? values.seconds}\n`);
  process.exitCode = 2;
} else {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const runs: ChainRun[] = [];
  for (const variant of variants.filter((one) => values.only.includes(one))) {
    say(`chain · ${variant}`);
    runs.push(await runChain(variant, { rates: { own: 25, near: 25, deep: 120 }, phaseSeconds, say }));
  }
  const found = shortfalls(runs);
  process.stdout.write(`${chainTable(runs)}\n${found.map((line) => `${line}\n`).join("")}`);
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ valid: found.length === 0, shortfalls: found, runs }, undefined, 1)}\n`);
  if (values.plot !== undefined) writeFileSync(values.plot, plotOf(runs));
  process.exitCode = found.length === 0 ? 0 : 1;
}
