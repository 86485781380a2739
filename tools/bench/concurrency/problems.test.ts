import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { actors } from "./actors.ts";
import { channels } from "./channels.ts";
import { promises } from "./promises.ts";
import { upTo } from "./problems.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const approaches = { promises, channels, actors };

for (const [name, approach] of Object.entries(approaches)) {
  test(`${name} solve the three problems, and keep their bounds`, async () => {
    let underWay = 0;
    let underWayMax = 0;
    const work = async (task: number): Promise<number> => {
      underWayMax = Math.max(underWayMax, ++underWay);
      await turn();
      underWay -= 1;
      return task;
    };
    assert.equal(await approach.pool(upTo(1000), { work, atOnce: 100 }), 500_500);
    assert.ok(underWayMax > 50 && underWayMax <= 100, `${underWayMax} at a time`);
    underWayMax = 0;
    assert.equal(await approach.totals([...upTo(300)], work), 45_150);
    assert.equal(underWayMax, 1);
    let waitingMax = 0;
    const taken: number[] = [];
    await approach.stream(upTo(500), async (item, waiting) => {
      waitingMax = Math.max(waitingMax, waiting);
      taken.push(item);
      await turn();
    });
    assert.deepEqual(taken, [...upTo(500)]);
    assert.ok(waitingMax <= 64, `${waitingMax} wait`);
  });
}

test("docs/concurrency.md shows the functions that run here", async () => {
  const page = await readFile(new URL("../../../docs/concurrency.md", import.meta.url), "utf8");
  let shown = 0;
  for (const name of Object.keys(approaches)) {
    const source = await readFile(new URL(`./${name}.ts`, import.meta.url), "utf8");
    for (const [text] of source.matchAll(/^async function \w+[\s\S]*?^\}$/gm)) {
      assert.ok(page.includes(text), `${name}: expected in docs/concurrency.md:\n${text}`);
      shown += 1;
    }
  }
  assert.equal(shown, 9);
});
