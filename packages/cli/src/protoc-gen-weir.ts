import { readFileSync } from "node:fs";
import process from "node:process";
import { buffer } from "node:stream/consumers";
import { answerPluginRequest } from "@weir/kit/contract/compiler";
import type { Layout } from "@weir/kit/contract/layout";

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
