import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import process from "node:process";
import { buffer } from "node:stream/consumers";
import type { Layout } from "@weir/kit/contract/layout";

// Halves the start of this process, which is most of its work; so what is cached must be imported after it.
enableCompileCache();
const { answerPluginRequest } = await import("@weir/kit/contract/compiler");

/*
 * The plugin protoc-gen-weir: a request on standard input, the answer on standard output. Its one option, layout=FILE,
 * names the JSON file of a Layout; without it contracts lie where they are imported from.
 */
process.stdout.write(
  answerPluginRequest(await buffer(process.stdin), (parameter) => {
    const file = /^layout=(.+)$/.exec(parameter)?.[1];
    return file === undefined ? { files: {}, packages: [] } : (JSON.parse(readFileSync(file, "utf8")) as Layout);
  }),
);
