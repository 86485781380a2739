import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { guardedCalls } from "./guarded-calls.ts";
import { addedMicrosMax, costTable, measureCosts } from "./policy-cost.ts";
import { bounds } from "./verdict.ts";

const help = `npm run bench:policies -- [--rounds N] [--calls N] [--json FILE]

What policies add to a unary call, in CPU time: all default policies of both sides of Weir, beside what opossum and cockatiel do of
the same, around the same call in one process. Turns are taken A B C A B C; what is added is the median over the rounds of a turn
less the bare call's of the same round.

  --rounds N   turns of each, from 5; default 31
  --calls N    calls of a turn, from 1,000; default 64,000
  --json FILE  also write everything as JSON
  --help       this text

  npm run bench:policies -- --rounds 9 --json policies.json

Exit codes: 0 valid and at most ${addedMicrosMax} µs, 1 INVALID or above, 2 the arguments are wrong.
`;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "31" },
    calls: { type: "string", default: "64000" },
    json: { type: "string" },
    help: { type: "boolean" },
  },
});
const [rounds, calls] = [Number(values.rounds), Number(values.calls)];
if (values.help) process.stdout.write(help);
else if (
  !Number.isInteger(rounds) ||
  rounds < bounds.roundsMin ||
  rounds > 200 ||
  !Number.isInteger(calls) ||
  calls < 1000 ||
  calls > 1e7
) {
  process.stderr.write(
    `expected --rounds from ${bounds.roundsMin} to 200 and --calls from 1000, found ${values.rounds} and ${values.calls}\n`,
  );
  process.exitCode = 2;
} else {
  const contestants = guardedCalls.map((make) => make());
  const outcome = await measureCosts(contestants, { rounds, calls, say: (line) => void process.stderr.write(`${line}\n`) });
  for (const one of contestants) one.close();
  process.stdout.write(costTable(outcome));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(outcome, undefined, 2)}\n`);
  const weir = outcome.added.find(({ name }) => name === "weir");
  process.exitCode = outcome.valid && weir !== undefined && weir.addedMicros <= addedMicrosMax ? 0 : 1;
}
