import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { codes } from "@weir/kit/fault";
import { loadCatalogues, reasonsPage } from "./tidy/reasons.ts";
import { readTree } from "./tidy/tree.ts";

const help = `node tools/reasons.ts [--print]

Writes docs/reasons.md from the catalogues of all packages.

  --print   print the page and leave the file alone
  --help    this text
`;

const { values } = parseArgs({ options: { print: { type: "boolean" }, help: { type: "boolean" } } });
const root = fileURLToPath(new URL("..", import.meta.url));

if (values.help) process.stdout.write(help);
else {
  const page = reasonsPage(await loadCatalogues(root, readTree(root)), (code) => codes[code as keyof typeof codes]?.http);
  if (values.print) process.stdout.write(page);
  else writeFileSync(`${root}docs/reasons.md`, page);
}
