import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fault } from "@weir/kit/fault";
import { cliReasons } from "./reasons.ts";

/** Builds the console's pages unless what is built fits the sources. Answers what it did, in words. */
export async function buildConsole({ root, signal }: { root: string; signal: AbortSignal }): Promise<string> {
  const directory = join(root, "packages", "console");
  const built = join(directory, "dist", "index.html");
  const stamp = join(root, "node_modules", ".cache", "weir-console-sources");
  const sources = hashOf([
    join(directory, "src"),
    join(directory, "public"),
    join(directory, "index.html"),
    join(directory, "vite.config.ts"),
    join(root, "packages", "api", "src"),
    join(root, "packages", "kit", "src"),
  ]);
  if (existsSync(built) && existsSync(stamp) && readFileSync(stamp, "utf8") === sources) return "pages are built";
  await vite(join(root, "node_modules", "vite", "bin", "vite.js"), { directory, signal });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, sources);
  return "pages have been built";
}

function vite(file: string, { directory, signal }: { directory: string; signal: AbortSignal }): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, "build", "--logLevel", "warn"], {
      cwd: directory,
      signal,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let words = "";
    const keep = (chunk: Buffer): void => {
      words = (words + chunk.toString()).slice(-2000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve();
      else
        reject(
          fault(cliReasons.CONSOLE_BUILD_FAILED, `expected the build of the console to succeed, found exit code ${code}: ${words.trim()}`),
        );
    });
  });
}

function hashOf(paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of paths) {
    const files = existsSync(path) && !path.endsWith(".ts") && !path.endsWith(".html") ? filesBelow(path) : [path];
    for (const file of files) hash.update(file.slice(path.length)).update(readFileSync(file));
  }
  return hash.digest("hex");
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
