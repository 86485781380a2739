import assert from "node:assert/strict";
import { test } from "node:test";
import { drawingFrom, pageWithDrawing } from "./drawing.ts";
import { plantedTree } from "./planted.ts";

test("the drawing shows an arrow as soon as there is an import, and not one of a test", () => {
  const before = drawingFrom(plantedTree({}));
  const after = drawingFrom(plantedTree({ "packages/kit/src/rpc/node/server.ts": 'import "@weir/wire";' }));
  const tested = drawingFrom(plantedTree({ "packages/kit/src/call.test.ts": 'import "@weir/wire";' }));
  assert.match(before, /┌─ kit ─+┐\n +│ ↓ nothing/);
  assert.match(after, /┌─ kit ─+┐\n +│ rpc\/ +│\n +│ ↓ wire/);
  assert.equal(tested, before);
});

test("a page keeps all but its drawing, and one without a place for it is refused", () => {
  const page = "above\n<!-- drawing: written by `node tools/drawing.ts` -->\nold\n<!-- end of drawing -->\nbelow\n";
  const drawn = pageWithDrawing(page, "new");
  assert.match(drawn, /^above\n<!-- drawing.*-->\n\n```text\nnew\n```\n\n<!-- end of drawing -->\nbelow\n$/);
  assert.equal(pageWithDrawing(drawn, "new"), drawn);
  assert.throws(() => pageWithDrawing("nothing here", "new"), /expected the lines/);
});
