import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { goModules } from "./go-programs.ts";
import { findGo } from "./go.ts";
import type { Say } from "./host.ts";
import { runCommand } from "./host.ts";
import { servicesFolder } from "./state.ts";

/** What of the two modules says which methods and messages the suites use. grpc-go ships its contracts as generated Go alone. */
const sources = [
  { ...goModules.conformance, paths: ["proto"] },
  { ...goModules.grpc, paths: ["empty", "messages", "test"].map((name) => `interop/grpc_testing/${name}.pb.go`) },
] as const;

/** Where the contracts of the suites lie, copied out of their Go modules. */
export interface SuiteContracts {
  /** Folder with connectrpc/conformance/v1/*.proto. */
  readonly conformance: string;
  /** Folder with empty.pb.go, messages.pb.go and test.pb.go of grpc.testing. */
  readonly grpcTesting: string;
}

/** The contracts that `fetchSuiteContracts` left, or undefined. */
export function suiteContracts(root: string): SuiteContracts | undefined {
  const folder = contractsFolder(root);
  if (!existsSync(folder)) return undefined;
  return { conformance: join(folder, "proto"), grpcTesting: join(folder, "grpc_testing") };
}

/** Copies the contracts out of the Go modules that the programs are built from, once for each pair of versions. Rejects with a ServiceError. */
export async function fetchSuiteContracts(root: string, say: Say): Promise<void> {
  if (suiteContracts(root) !== undefined) return;
  const go = await findGo(root, say);
  const folder = contractsFolder(root);
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  for (const { module, version, paths } of sources) {
    const answer = await runCommand(go, ["mod", "download", "-json", `${module}@${version}`], { timeoutMs: 300_000 });
    const { Dir: home } = JSON.parse(answer) as { Dir: string };
    for (const path of paths) {
      const parent = path.includes("/") ? join(unfinished, basename(dirname(path))) : unfinished;
      cpSync(join(home, path), join(parent, basename(path)), { recursive: true });
    }
  }
  renameSync(unfinished, folder);
}

function contractsFolder(root: string): string {
  return join(servicesFolder(root), "contracts", sources.map(({ version }) => version).join("-"));
}
