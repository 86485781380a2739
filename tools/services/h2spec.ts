import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { programPath } from "../check/real-parts.ts";
import type { Say } from "./host.ts";
import { installPackages, runCommand } from "./host.ts";

/** The newest that the Go module proxy has: later tags lack the path that modules need. */
const h2specModule = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible";

/** Where h2spec is: by WEIR_H2SPEC, built by `installH2spec`, or on the PATH; undefined when nowhere. */
export function h2specPath(root: string): string | undefined {
  const built = join(folderOf(root), "h2spec");
  return process.env["WEIR_H2SPEC"] || (existsSync(built) ? built : programPath("h2spec"));
}

/** Builds h2spec with Go (Debian's where there is none) into .weir/services/bin. Rejects with a ServiceError. */
export async function installH2spec(root: string, say: Say): Promise<void> {
  const found = (): string | undefined => programPath("go", `${process.env["PATH"] ?? ""}:/usr/local/go/bin`);
  if (found() === undefined) await installPackages(["golang-go"], say);
  say("building h2spec (go install) …");
  await runCommand("env", [`GOBIN=${folderOf(root)}`, found() ?? "go", "install", h2specModule], { timeoutMs: 300_000 });
}

function folderOf(root: string): string {
  return join(root, ".weir", "services", "bin");
}
