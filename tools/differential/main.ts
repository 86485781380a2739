import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { missingProxies } from "./backends.ts";
import type { DifferentialReport } from "./differential.ts";
import { runDifferential } from "./differential.ts";

const help = `npm run differential [-- --json FILE]

Sends some 700 ambiguous HTTP/1.1 requests, as raw bytes, through the gateway to nginx, Apache, HAProxy, node:http and our
own server, and shows that no request is ever seen as two, or two as one: what a backend counts must be what the gateway
believed to carry and what the client sent, with the same method, target and body, and the next request must get its own
answer. Then asks each server directly, and lists with its rule what ours takes and another refuses. Takes about 15 seconds.

  --json FILE   also write the whole report
  --help        this text

  npm run differential -- --json differential.json

Exit codes: 0 all agree, 1 a finding or something is missing, 2 the arguments are wrong.
`;

function textOf({ ok, cases, families, passages, leniencies }: DifferentialReport): string {
  const lines = [`${cases} cases in ${Object.keys(families).length} families: ${ok ? "✓ all agree" : "✗ not all agree"}`];
  for (const { backend, seen, refusedByBackend, findings } of passages) {
    lines.push(`${backend}: ${seen} requests counted, ${refusedByBackend} cases refused there, ${findings.length} findings`);
    for (const { id, message } of findings) lines.push(`  ✗ ${id} · ${message}`);
  }
  lines.push(`taken by our server, refused by another: ${leniencies.length}`);
  for (const { id, refusedBy, rule, why } of leniencies) {
    lines.push(
      `  ${rule === undefined ? "✗" : "✓"} ${id} · not by ${refusedBy.join(", ")} · ${rule ?? "nobody has said why"}${why ? `: ${why}` : ""}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: "string" }, help: { type: "boolean" } } });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const missing = missingProxies();
  if (missing.length > 0) {
    process.stderr.write(`expected ${missing.join(", ")}, found none: node tools/services.ts up installs what is missing\n`);
    return 1;
  }
  const report = await runDifferential((line) => void process.stderr.write(`${line}\n`));
  process.stdout.write(textOf(report));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  return report.ok ? 0 : 1;
}

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  process.stderr.write(isUsage ? `${error.message}\n\n${help}` : `${(error as Error).message}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
