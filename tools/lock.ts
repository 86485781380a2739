import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Lock } from "./tidy/lock.ts";
import { completedLock } from "./tidy/lock.ts";

const help = `node tools/lock.ts

Completes package-lock.json after npm install: adds the optional packages of other platforms that the registry in use
does not have, so that npm ci takes the file everywhere.

  --help    this text
`;

const { values } = parseArgs({ options: { help: { type: "boolean" } } });
const path = fileURLToPath(new URL("../package-lock.json", import.meta.url));

if (values.help) process.stdout.write(help);
else {
  const before = JSON.parse(readFileSync(path, "utf8")) as Lock;
  const after = completedLock(before);
  const added = Object.keys(after.packages).length - Object.keys(before.packages).length;
  writeFileSync(path, `${JSON.stringify(after, null, 2)}\n`);
  process.stdout.write(`${added} entries added to package-lock.json\n`);
}
