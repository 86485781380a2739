import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { codes } from "@weir/kit/fault";
import { drawingFrom, pageWithDrawing } from "./tidy/drawing.ts";
import { exemptions } from "./tidy/exemptions.ts";
import { floorsRule } from "./tidy/floors.ts";
import { catalogueFaults, loadCatalogues, reasonsPage } from "./tidy/reasons.ts";
import { describeViolations, idleExemptions, rules, withoutExempt } from "./tidy/tidy.ts";
import { readTree, treeFrom } from "./tidy/tree.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const tree = readTree(root);

for (const [name, rule] of Object.entries(rules)) {
  test(`the house: ${name}`, () => {
    const found = withoutExempt(rule(tree), exemptions);
    if (found.length > 0) assert.fail(`${found.length} violations:\n${describeViolations(found)}`);
  });
}

test("the house: every exemption exempts something", () => {
  const idle = idleExemptions(tree, exemptions).map((one) => `${one.path} · ${one.rule}`);
  assert.deepEqual(idle, []);
});

test("tidy fails when an arrow runs upward", () => {
  const wire = JSON.stringify({ name: "@weir/wire", exports: { ".": "./src/index.ts" } });
  const kit = JSON.stringify({ name: "@weir/kit", exports: { ".": "./src/index.ts" }, dependencies: { "@weir/wire": "1" } });
  const house = (wireSource: string, kitSource: string): Map<string, string> =>
    new Map([
      ["packages/wire/package.json", wire],
      ["packages/wire/src/index.ts", wireSource],
      ["packages/kit/package.json", kit],
      ["packages/kit/src/index.ts", kitSource],
    ]);
  const upward = floorsRule(treeFrom(house('import "@weir/kit";', "")));
  assert.equal(upward.length, 1);
  assert.match(
    describeViolations(upward),
    /packages\/wire\/src\/index\.ts:1 · floors · the arrow runs upward: wire \(floor 0\) imports kit \(floor 1\)/,
  );
  assert.deepEqual(floorsRule(treeFrom(house("", 'import "@weir/wire";'))), []);
});

test("the house: the drawing of ARCHITECTURE.md shows the imports that are there", () => {
  const page = tree.texts.get("ARCHITECTURE.md") ?? "";
  assert.equal(page, pageWithDrawing(page, drawingFrom(tree)), "run node tools/drawing.ts");
});

test("the house: docs/reasons.md and the catalogues say the same", async () => {
  const catalogues = await loadCatalogues(root, tree);
  assert.deepEqual(catalogueFaults(catalogues), []);
  const page = reasonsPage(catalogues, (code) => codes[code as keyof typeof codes]?.http);
  assert.equal(tree.texts.get("docs/reasons.md"), page, "run node tools/reasons.ts");
});
