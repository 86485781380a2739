import { execFile } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { suiteContracts } from "../services/suite-contracts.ts";
import { descriptorFromGo } from "./go-descriptor.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const plugin = join(root, "packages", "cli", "src", "protoc-gen-weir.ts");
/** What package.json calls "#suites/*". Git ignores it. */
const target = join(root, ".weir", "suites");

/**
 * Turns the contracts of the suites into TypeScript by the compiler of this checkout, as `weir gen` does, into .weir/suites. Several
 * processes may do it at once: the texts are the same, and each file is replaced whole. Rejects when the contracts have not been fetched.
 */
export async function generateSuites(): Promise<void> {
  const contracts = suiteContracts(root);
  if (contracts === undefined) throw new Error("expected the contracts of the suites, found none: node tools/services.ts up");
  const folder = mkdtempSync(join(tmpdir(), "weir-suites-"));
  try {
    const image = join(folder, "grpc-testing.binpb");
    writeFileSync(image, imageFromGo(contracts.grpcTesting));
    const generated = join(folder, "generated");
    await Promise.all([contracts.conformance, image].map((input) => generate(input, generated)));
    for (const path of globSync("**/*.weir.ts", { cwd: generated })) keep(path, readFileSync(join(generated, path), "utf8"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function generate(input: string, out: string): Promise<void> {
  const template = JSON.stringify({ version: "v2", plugins: [{ local: [process.execPath, plugin], out, strategy: "all" }] });
  // In a folder of its own: buf would take the buf.yaml of this checkout for the contracts' own.
  await run(join(root, "node_modules", ".bin", "buf"), ["generate", input, "--template", template], { cwd: dirname(out), timeout: 60_000 });
}

/** A FileDescriptorSet, which buf reads in place of contracts. */
function imageFromGo(folder: string): Uint8Array {
  const file = ["empty", "messages", "test"].map((name) =>
    fromBinary(FileDescriptorProtoSchema, descriptorFromGo(readFileSync(join(folder, `${name}.pb.go`), "utf8"))),
  );
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
}

function keep(path: string, text: string): void {
  const file = join(target, path);
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, text);
  renameSync(unfinished, file);
}
