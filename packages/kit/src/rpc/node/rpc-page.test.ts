import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { codes } from "../../fault.ts";
import { startGreeter } from "../testdata/greeter.ts";

const page = readFileSync(new URL("../../../../../docs/rpc.md", import.meta.url), "utf8");
const run = promisify(execFile);

test("every example of docs/rpc.md prints what stands below it", async (context) => {
  await using greeter = await startGreeter();
  const examples = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = ""]) => text).filter((text) => text.includes("curl"));
  assert.ok(examples.length >= 7, `${examples.length} examples`);
  for (const example of examples) {
    const lines = example.split("\n");
    const command = lines.filter((line) => !line.startsWith("#")).join("\n");
    const expected = lines.filter((line) => line.startsWith("#")).map((line) => line.slice(2));
    await context.test(command.split("\n", 1)[0] ?? "", async () => {
      const there = command.replaceAll("localhost:7000", new URL(greeter.url).host);
      const { stdout } = await run("bash", ["-c", there], { timeout: 10_000 });
      assert.equal(stdout.replaceAll("\r", "").trim(), expected.join("\n"));
    });
  }
});

test("the table of docs/rpc.md says what the codes are in each protocol", () => {
  for (const [code, { grpc, connect, http, close }] of Object.entries(codes)) {
    assert.ok(page.includes(`| ${code} | ${grpc} | ${connect} | ${http} | ${close} |`), code);
  }
});
