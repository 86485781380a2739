import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { programPath } from "../check/real-parts.ts";
import { findGo } from "./go.ts";
import type { Say } from "./host.ts";
import { runCommand } from "./host.ts";
import { servicesFolder } from "./state.ts";

/** A program that others wrote in Go, pinned. */
interface GoProgram {
  /** Names it to the tests. */
  readonly variable: string;
  readonly name: string;
  readonly package: string;
  readonly version: string;
}

/** The pinned versions of the modules whose contracts we read, too. */
export const goModules = {
  conformance: { module: "connectrpc.com/conformance", version: "v1.0.7" },
  grpc: { module: "google.golang.org/grpc", version: "v1.85.0" },
} as const;

const { conformance, grpc } = goModules;

const programs: readonly GoProgram[] = [
  // The newest that the Go module proxy has: later tags lack the path that modules need.
  { variable: "WEIR_H2SPEC", name: "h2spec", package: "github.com/summerwind/h2spec/cmd/h2spec", version: "v2.2.1+incompatible" },
  {
    variable: "WEIR_CONNECTCONFORMANCE",
    name: "connectconformance",
    package: `${conformance.module}/cmd/connectconformance`,
    version: conformance.version,
  },
  { variable: "WEIR_GRPC_INTEROP_CLIENT", name: "grpc-interop-client", package: `${grpc.module}/interop/client`, version: grpc.version },
  { variable: "WEIR_GRPC_INTEROP_SERVER", name: "grpc-interop-server", package: `${grpc.module}/interop/server`, version: grpc.version },
  { variable: "WEIR_GRPCURL", name: "grpcurl", package: "github.com/fullstorydev/grpcurl/cmd/grpcurl", version: "v1.9.4" },
];

/** Where each program is, by its variable: named by it, built by `installGoPrograms`, or on the PATH; undefined when nowhere. */
export function goProgramPaths(root: string): Record<string, string | undefined> {
  return Object.fromEntries(programs.map((program) => [program.variable, pathOf(root, program)]));
}

/** Builds those that are missing with Go into .weir/services/bin. Rejects with a ServiceError. */
export async function installGoPrograms(root: string, say: Say): Promise<void> {
  const missing = programs.filter((program) => pathOf(root, program) === undefined);
  if (missing.length === 0) return;
  const go = await findGo(root, say);
  for (const program of missing) await build(root, program, { go, say });
}

function pathOf(root: string, program: GoProgram): string | undefined {
  const built = builtPath(root, program);
  return process.env[program.variable] || (existsSync(built) ? built : programPath(program.name));
}

/** With the version in the name, so that another pin is built anew. */
function builtPath(root: string, { name, version }: GoProgram): string {
  return join(servicesFolder(root), "bin", `${name}-${version}`);
}

async function build(root: string, program: GoProgram, { go, say }: { readonly go: string; readonly say: Say }): Promise<void> {
  const startedMs = performance.now();
  say(`building ${program.name} ${program.version} (go install) …`);
  const target = builtPath(root, program);
  mkdirSync(dirname(target), { recursive: true });
  const folder = mkdtempSync(join(servicesFolder(root), "go-install-"));
  try {
    const env = { GOBIN: folder, GOTOOLCHAIN: "local" };
    await runCommand(go, ["install", `${program.package}@${program.version}`], { env, timeoutMs: 600_000 });
    renameSync(join(folder, program.package.slice(program.package.lastIndexOf("/") + 1)), target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  say(`built ${program.name} in ${Math.round((performance.now() - startedMs) / 1000)} s`);
}
