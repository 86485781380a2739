import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import type { Planted, SoakReport } from "./soak.ts";
import { bytesText, soak } from "./soak.ts";

const plants = ["leak", "promise", "handle"] as const;

const help = `npm run soak -- [--minutes N | --seconds N] [--seed N] [--json FILE]

Hours of trouble in minutes: every kind of call in every protocol (HTTP/1.1, HTTP/2, gRPC, gRPC-Web, Connect, WebSocket) to a
server in this process and to one in another, while both are restarted, calls expire and are cancelled, and rude clients reset
streams, say GOAWAY and cut connections. Judged: every promise settles, no handle is left, and what is held after collections
does not grow (least squares; zero lies within the interval of 99.9 %; in runs of less than five minutes, which end before all
code is compiled, 100 kB a second are no leak).

  --minutes N   default 10
  --seconds N   instead; at least 15
  --seed N      what is called follows from it, default from the clock
  --json FILE   also write the report with all samples
  --plant WHAT  ${plants.join(", ")}: a fault that must be found, for the test of the judge; may be given more than once
  --help        this text

  npm run soak -- --minutes 10 --json soak.json     nightly
  npm run soak -- --seconds 30

Exit codes: 0 all is well, 1 a finding, 2 the arguments are wrong.
`;

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new TypeError(`expected --${name} to be a number, found ${text}`);
  return value;
}

function isPlanted(text: string): text is Planted {
  return plants.some((one) => one === text);
}

function textOf({ ok, findings, seconds, calls, restarts, trend, tallies, seed }: SoakReport): string {
  const lines = Object.entries(tallies).map(([kind, { done, failed }]) => {
    const reasons = Object.entries(failed).map(([reason, count]) => `${reason} ${count}`);
    return `  ${kind.padEnd(40)} ${`${done}`.padStart(7)} done${reasons.length === 0 ? "" : ` · ${reasons.join(", ")}`}`;
  });
  const between = trend === undefined ? "" : `: ${bytesText(trend.slope)} a second (${bytesText(trend.low)} to ${bytesText(trend.high)})`;
  lines.push(`${calls} calls in ${Math.round(seconds)} s, ${restarts} restarts, seed ${seed}`, `slope of what is held${between}`);
  lines.push(ok ? "✓ nothing pending, nothing left, nothing grows" : findings.map((one) => `✗ ${one}`).join("\n"));
  return `${lines.join("\n")}\n`;
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      minutes: text,
      seconds: text,
      seed: text,
      json: text,
      plant: { type: "string", multiple: true, default: [] },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const given: readonly string[] = values.plant;
  const unknown = given.find((one) => !isPlanted(one));
  if (unknown !== undefined) throw new TypeError(`expected --plant ${plants.join(", ")}, found ${unknown}`);
  const seconds = number("seconds", values.seconds) ?? (number("minutes", values.minutes) ?? 10) * 60;
  if (seconds < 15) throw new TypeError(`expected at least 15 seconds, found ${seconds}`);
  const seed = number("seed", values.seed) ?? Date.now() % 2 ** 31;
  const report = await soak({ seconds, seed, plants: given.filter(isPlanted), say: (line) => void process.stderr.write(`${line}\n`) });
  process.stdout.write(textOf(report));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  return report.ok ? 0 : 1;
}

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n\n${help}`);
  process.exitCode = 2;
}
