import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { drawingFrom, pageWithDrawing } from "./tidy/drawing.ts";
import { readTree } from "./tidy/tree.ts";

const help = `node tools/drawing.ts [--print]

Writes the drawing of the floors into ARCHITECTURE.md, from the imports that are really there.

  --print   print the drawing and leave the page alone
  --help    this text
`;

const { values } = parseArgs({ options: { print: { type: "boolean" }, help: { type: "boolean" } } });
const root = fileURLToPath(new URL("..", import.meta.url));

if (values.help) process.stdout.write(help);
else {
  const drawing = drawingFrom(readTree(root));
  const path = `${root}ARCHITECTURE.md`;
  if (values.print) process.stdout.write(`${drawing}\n`);
  else writeFileSync(path, pageWithDrawing(readFileSync(path, "utf8"), drawing));
}
