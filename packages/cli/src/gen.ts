import { resolve } from "node:path";
import process from "node:process";
import type { Command, Io } from "./command.ts";
import type { GenerateReport } from "./contract-generation.ts";
import { generateContracts } from "./contract-generation.ts";
import { findContractRoot } from "./contract-workspace.ts";

/** `weir gen`: TypeScript beside every contract. */
export const genCommand: Command = {
  name: "gen",
  summary: "turn contracts (.proto) into TypeScript beside them",
  help: `
Usage: weir gen [--check] [--root FOLDER]

Finds every .proto below the root and writes one .weir.ts beside each. Contracts are read by buf, which uses the
modules and lint rules of buf.yaml where there is one, and never the network.

  --check   write nothing; exit code 1 when a file is stale, missing or orphaned, or buf lint finds something
  --root    folder to look below; default the nearest one upward with a buf.yaml
  --json    the report as one JSON object

Example:
  weir gen --check`,
  options: { check: { type: "boolean" }, root: { type: "string" } },
  async run({ values, io }) {
    const startedMs = performance.now();
    const root = typeof values["root"] === "string" ? resolve(values["root"]) : findContractRoot(process.cwd());
    const check = values["check"] === true;
    const json = values["json"] === true;
    if (!json) io.err(`reading contracts below ${root}`);
    const report = await generateContracts({ root, check, signal: io.signal });
    const changed = report.missing.length + report.stale.length + report.orphans.length;
    const ok = !check || changed + report.findings.length === 0;
    const durationMs = Math.round(performance.now() - startedMs);
    if (json) io.out(JSON.stringify({ ok, ...report, durationMs }));
    else writeReport(report, { check, durationMs, io });
    return ok ? 0 : 1;
  },
};

function writeReport(report: GenerateReport, { check, durationMs, io }: { check: boolean; durationMs: number; io: Io }): void {
  const { missing, stale, orphans, findings, contracts, current } = report;
  for (const path of missing) io.out(`${check ? "missing" : "written"}  ${path}`);
  for (const path of stale) io.out(`${check ? "stale  " : "written"}  ${path}`);
  for (const path of orphans) io.out(`${check ? "orphan " : "removed"}  ${path}`);
  for (const finding of findings) io.err(`lint     ${finding}`);
  const changed = missing.length + stale.length + orphans.length;
  io.out(`${contracts} contracts · ${current} files current · ${changed} ${check ? "differ" : "changed"} · ${durationMs} ms`);
  if (check && changed > 0) io.err("To mend it: weir gen");
  if (check && findings.length > 0) io.err("To mend it: change the contracts as lint says");
}
