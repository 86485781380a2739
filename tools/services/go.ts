import { chmodSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { programPath } from "../check/real-parts.ts";
import type { Say } from "./host.ts";
import { installPackages, runCommand, ServiceError, succeeds } from "./host.ts";
import { servicesFolder } from "./state.ts";

/** What the Go modules that we build ask for; a Go from 1.21 on could fetch it by itself, but then it would not be pinned. */
const versionMin = { major: 1, minor: 26 };
const toolchainVersion = "go1.26.8";

/**
 * A Go that is new enough: on the PATH, in /usr/local/go, or fetched before. Where there is none, an older one (Debian's, which is
 * installed) fetches the module golang.org/toolchain through the module proxy, checksum database included, into .weir/services/go.
 * Rejects with a ServiceError.
 */
export async function findGo(root: string, say: Say): Promise<string> {
  const present = await presentGo(root);
  if (present !== undefined) return present;
  const fetched = toolchainFolder(root);
  if (programPath("go") === undefined) await installPackages(["golang-go"], say);
  const older = programPath("go");
  if (older === undefined) throw new ServiceError("expected Go after installing golang-go, found none");
  say(`fetching ${toolchainVersion} (go mod download) …`);
  await runCommand(older, ["mod", "download", toolchainModule()], { env: moduleCache(root), timeoutMs: 600_000 });
  makeExecutable(fetched);
  return join(fetched, "bin", "go");
}

/** A Go that is new enough: on the PATH, in /usr/local/go, or fetched before. Undefined where there is none. */
export async function presentGo(root: string): Promise<string | undefined> {
  const places = [programPath("go"), "/usr/local/go/bin/go", join(toolchainFolder(root), "bin", "go")];
  for (const place of places) if (place !== undefined && existsSync(place) && (await isNewEnough(place))) return place;
  return undefined;
}

async function isNewEnough(go: string): Promise<boolean> {
  if (!(await succeeds(go, ["version"]))) return false;
  const [, major = 0, minor = 0] = (/go(\d+)\.(\d+)/.exec(await runCommand(go, ["version"])) ?? []).map(Number);
  return major > versionMin.major || (major === versionMin.major && minor >= versionMin.minor);
}

function toolchainModule(): string {
  const machine = process.arch === "x64" ? "amd64" : process.arch;
  return `golang.org/toolchain@v0.0.1-${toolchainVersion}.${process.platform}-${machine}`;
}

function moduleCache(root: string): Record<string, string> {
  return { GOMODCACHE: join(servicesFolder(root), "go"), GOFLAGS: "-modcacherw" };
}

function toolchainFolder(root: string): string {
  return join(servicesFolder(root), "go", toolchainModule());
}

/** Files of a module are unpacked without the right to run them. */
function makeExecutable(folder: string): void {
  for (const place of ["bin", join("pkg", "tool")]) {
    for (const entry of readdirSync(join(folder, place), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) chmodSync(join(entry.parentPath, entry.name), 0o755);
    }
  }
}
