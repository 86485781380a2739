import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { fault } from "@weir/kit/fault";
import { cliReasons } from "./reasons.ts";

/** How a run of buf ended. */
export interface BufResult {
  readonly ok: boolean;
  readonly output: string;
  readonly errors: string;
}

/** Runs buf, which never asks the network here: every module is local. Throws CONTRACTS_INVALID when it is not installed. */
export function runBuf(
  args: readonly string[],
  { root, signal }: { readonly root: string; readonly signal?: AbortSignal },
): Promise<BufResult> {
  const [program = "", ...first] = bufCommand(root);
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...first, ...args, "--timeout", "30s"], { cwd: root, signal, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (errors += chunk));
    child.once("error", (cause) => reject(fault(cliReasons.CONTRACTS_INVALID, "expected buf to start, found that it does not", { cause })));
    child.once("close", (code) => resolve({ ok: code === 0, output, errors: errors.trim() }));
  });
}

/** Folder of a file that a npm package shows, as seen from the root, else as seen from here; undefined when it is not installed. */
export function folderOf(specifier: string, root: string): string | undefined {
  for (const from of [join(root, "package.json"), import.meta.url]) {
    try {
      return dirname(createRequire(from).resolve(specifier));
    } catch {
      continue;
    }
  }
  return undefined;
}

/** The program itself where npm put it, else the script that looks for it, which costs a start of Node. */
function bufCommand(root: string): string[] {
  const machine = process.platform === "linux" && process.arch === "arm64" ? "aarch64" : process.arch;
  const native = folderOf(`@bufbuild/buf-${process.platform}-${machine}/package.json`, root);
  const program = native && join(native, "bin", process.platform === "win32" ? "buf.exe" : "buf");
  if (program !== undefined && existsSync(program)) return [program];
  const folder = folderOf("@bufbuild/buf/package.json", root);
  if (folder === undefined) throw fault(cliReasons.CONTRACTS_INVALID, "expected the npm package @bufbuild/buf to be installed, found none");
  return [process.execPath, join(folder, "bin", "buf")];
}
