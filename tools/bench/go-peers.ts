import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { presentGo } from "../services/go.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const sources = fileURLToPath(new URL("./suts/go/", import.meta.url));
const contract = fileURLToPath(new URL("./hello.proto", import.meta.url));
const generator = fileURLToPath(import.meta.resolve("@bufbuild/buf/package.json")).replace("package.json", "bin/buf");
const modules = ["github.com/cloudwego/kitex/tool/cmd/kitex", "google.golang.org/protobuf/cmd/protoc-gen-go"];
const buildMsMax = 600_000;

/** The Go programs that stand beside Node's in the rpc suites. */
export type GoPeer = "grpc-go" | "kitex";

/**
 * The folder of the Go peers' programs, built there before if their sources have changed since: pinned modules, code generated
 * from the bench's contract by Kitex's own generator and protoc-gen-go. Undefined where there is no Go. Rejects with what Go said.
 */
export async function buildGoPeers(say: (line: string) => void): Promise<string | undefined> {
  const go = await presentGo(root);
  if (go === undefined) return undefined;
  const folder = join(root, ".weir", "services", "bench-go");
  const stamp = join(folder, "built");
  const wanted = sourceHash();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return join(folder, "bin");
  say("  building grpc-go's and Kitex's servers (go build) …");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "pb"), { recursive: true });
  cpSync(sources, folder, { recursive: true });
  const run = (command: string, args: readonly string[], cwd: string = folder): void => {
    execFileSync(command, args, { cwd, timeout: buildMsMax, stdio: ["ignore", "ignore", "pipe"] });
  };
  // The rule for REST is left out, so that nothing else need be generated.
  const text = readFileSync(contract, "utf8").replaceAll(/^.*google.api.*\n/gm, "");
  const inPackage = (name: string): string => text.replace(/^package .*$/m, `$&\noption go_package = "weir.example/bench/${name}";`);
  writeFileSync(join(folder, "hello.proto"), inPackage("kitex_gen/hello"));
  writeFileSync(join(folder, "pb", "hello.proto"), inPackage("pb"));
  const plugin = `{ local: ${join(folder, "bin", "protoc-gen-go")}, out: ., opt: paths=source_relative }`;
  writeFileSync(join(folder, "pb", "buf.gen.yaml"), `version: v2\nplugins:\n  - ${plugin}\n`);
  run(go, ["build", "-o", "bin/", ...modules]);
  run(join(folder, "bin", "kitex"), ["-type", "protobuf", "-module", "weir.example/bench", "hello.proto"]);
  run(process.execPath, [generator, "generate", "."], join(folder, "pb"));
  run(go, ["build", "-o", "bin/", "./grpc-go"]);
  // Over the generator of the same name.
  run(go, ["build", "-o", "bin/kitex", "./kitex"]);
  writeFileSync(stamp, wanted);
  return join(folder, "bin");
}

function sourceHash(): string {
  const hash = createHash("sha256").update(readFileSync(contract));
  for (const path of globSync("**/*.{go,mod,sum}", { cwd: sources }).toSorted())
    hash.update(path).update(readFileSync(join(sources, path)));
  return hash.digest("hex");
}

/**
 * Our load of gRPC in Go, built before if its sources have changed since. Undefined where there is no Go. Rejects with what Go said.
 */
export async function buildGoLoad(): Promise<string | undefined> {
  const go = await presentGo(root);
  if (go === undefined) return undefined;
  const program = join(root, ".weir", "services", "bin", `grpc-load-${sourceHash().slice(0, 16)}`);
  if (!existsSync(program)) {
    const built = `${program}.${process.pid}`;
    execFileSync(go, ["build", "-o", built, "./grpc-load"], { cwd: sources, timeout: buildMsMax, stdio: ["ignore", "ignore", "pipe"] });
    renameSync(built, program);
  }
  return program;
}
