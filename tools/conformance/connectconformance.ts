import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { ProgramResult } from "./suite-programs.ts";
import { programFile, runProgram } from "./suite-programs.ts";

/** Which of our sides is under test; the other one is the runner's own. */
export type ConformanceMode = "client" | "server";

/** What the runner counted. */
export interface ConformanceResult {
  readonly cases: number;
  readonly passed: number;
  readonly failed: number;
  /** Names and complaints of those that failed, the first of them. */
  readonly complaints: string;
}

/** What of the suite is run. */
export interface ConformanceOptions {
  /** Patterns of case names. Default all. */
  readonly run?: readonly string[];
  /** More words for our program. */
  readonly args?: readonly string[];
  /** Leaves out what needs TLS. Default false. */
  readonly cleartext?: boolean;
}

const features = new URL("features.yaml", import.meta.url);
const complaintsCharsMax = 8000;
/** Servers at once: the runner gives each ten seconds to begin. */
const serversMax = String(availableParallelism());

/** Runs connectconformance against our client or our server. Rejects when it did not come to a count. */
export async function runConformance(mode: ConformanceMode, options: ConformanceOptions = {}): Promise<ConformanceResult> {
  const { run = [], args = [] } = options;
  const folder = mkdtempSync(join(tmpdir(), "weir-conformance-"));
  try {
    const config = join(folder, "features.yaml");
    writeFileSync(config, featuresFor(options));
    const program = [process.execPath, programFile(`conformance-${mode}`), ...args];
    const words = [
      "--conf",
      config,
      "--mode",
      mode,
      "--max-servers",
      serversMax,
      ...run.flatMap((pattern) => ["--run", pattern]),
      "--",
      ...program,
    ];
    return resultFrom(await runProgram(process.env["WEIR_CONNECTCONFORMANCE"] ?? "connectconformance", words));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function featuresFor({ cleartext = false }: ConformanceOptions): string {
  const text = readFileSync(features, "utf8");
  return cleartext ? text.replace(/supports_tls(\w*): true/g, "supports_tls$1: false") : text;
}

function resultFrom({ output, errors }: ProgramResult): ConformanceResult {
  const said = `${output}\n${errors}`;
  const cases = /^Total cases: (\d+)$/m.exec(said)?.[1];
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(said) ?? [];
  if (cases === undefined || passed === undefined)
    throw new Error(`expected connectconformance to count, found:\n${said.slice(-complaintsCharsMax)}`);
  const complaints = said.slice(Math.max(0, said.indexOf("FAILED: "))).slice(0, complaintsCharsMax);
  return { cases: Number(cases), passed: Number(passed), failed: Number(failed), complaints: failed === "0" ? "" : complaints };
}
