import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

interface RiskProcess extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  stop(): Promise<number | null>;
}

async function startProcess(): Promise<RiskProcess> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(WEIR|RISK)_/.test(name));
  const env = { ...Object.fromEntries(inherited), WEIR_PORT: "0", WEIR_ADMIN_PORT: "0" };
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--no-warnings", main], { env, stdio: ["ignore", "pipe", "inherit"], timeout: 60_000 });
  const ended = once(child, "close").then(([code]) => code as number | null);
  let addresses = { address: "", adminAddress: "" };
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { message: string; address: string; adminAddress: string };
    if (said.message === "listening") addresses = said;
    if (said.message === "serving") break;
  }
  child.stdout.resume();
  const stop = (): Promise<number | null> => {
    if (child.exitCode === null) child.kill("SIGTERM");
    return ended;
  };
  const url = (address: string): string => `http://${address}`;
  return {
    url: url(addresses.address),
    adminUrl: url(addresses.adminAddress),
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

test("every line of the README that asks is answered as it says, by a process that ends with code 0", async () => {
  const readme = await readFile(new URL("./README.md", import.meta.url), "utf8");
  await using risk = await startProcess();
  const answers: { status: number; body: string }[] = [];
  for (const [line] of readme.matchAll(/^curl .*$/gm)) {
    const found = /(https?:\/\/[^\s']+)/.exec(line)?.[0] ?? "";
    const url = found.replace("http://127.0.0.1:9100", risk.url).replace("http://127.0.0.1:9101", risk.adminUrl);
    const body = / -d '([^']*)'/.exec(line)?.[1];
    const init = body === undefined ? {} : { method: "POST", body, headers: { "content-type": "application/json" } };
    const response = await fetch(url, init);
    answers.push({ status: response.status, body: await response.text() });
  }
  const [assessed, listed, shown, rolledBack] = answers;
  const expected = /```json\n(\{"decision".*)\n```/.exec(readme)?.[1] ?? "";
  assert.deepEqual(JSON.parse(assessed?.body ?? ""), JSON.parse(expected));
  assert.match(listed?.body ?? "", /"name":"amount","version":"1","goesWith":"velocity"/);
  assert.match(shown?.body ?? "", /^\{"name":"rules","current":1,/);
  // Nothing has been changed, so there is nothing to go back to, and it says so.
  assert.deepEqual([rolledBack?.status, (JSON.parse(rolledBack?.body ?? "") as { reason: string }).reason], [503, "HOT_SWAP_EMPTY"]);
  const rule = await readFile(new URL("./rules/country.ts", import.meta.url), "utf8");
  assert.ok(readme.includes(rule), "the rule in the README is the file");
  assert.equal(await risk.stop(), 0);
});
