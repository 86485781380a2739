import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Call } from "@weir/kit/call";
import { systemClock } from "@weir/kit/clock";
import { createClient } from "@weir/kit/rpc/client";
import { createTestTransport } from "@weir/kit/testing/transport";
import type { RiskApp } from "./risk-app.ts";
import { createRiskApp } from "./risk-app.ts";
import { AssessRequest, Decision, Risk } from "./risk.weir.ts";
import type { RiskClient } from "./risk.weir.ts";
import type { RiskFolder } from "./testdata/risk-folder.ts";
import { createRiskFolder } from "./testdata/risk-folder.ts";
import { swapUnderLoad } from "./testdata/swap-load.ts";

const payment = { paymentId: "p", amount: 5000n, currency: "EUR", cardCountry: "DE", buyerCountry: "DE", paymentsLastHour: 1 };

async function eventually(condition: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`expected ${what} within 10 s`);
    await systemClock.sleep(5);
  }
}

interface Started extends AsyncDisposable {
  readonly folder: RiskFolder;
  readonly risk: RiskApp;
  readonly client: RiskClient;
  /** Writes a rule and waits until it has been refused; answers why. */
  refused(file: string, text: string): Promise<string>;
}

async function start(): Promise<Started> {
  const folder = await createRiskFolder();
  const risk = createRiskApp({ version: "v1", rulesFolder: folder.rules, engineFolder: folder.engine });
  const running = await risk.app.start();
  return {
    folder,
    risk,
    client: createClient(Risk, createTestTransport([risk.engine.implementation])),
    async refused(file, text) {
      const { refused } = risk.rules.state();
      await writeFile(join(folder.rules, file), text);
      await eventually(() => risk.rules.state().refused > refused, `${file} to be refused`);
      return risk.rules.state().past.at(-1)?.reason ?? "";
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      await risk.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("rules and engine change under load: no call fails, and none is answered by half a version", { timeout: 60_000 }, async () => {
  const report = await swapUnderLoad({ ruleChanges: 60, engineSwaps: 60 });
  assert.deepEqual(report.failures, []);
  assert.deepEqual(report.mixed, []);
  assert.deepEqual([report.ruleChanges, report.engineSwaps, report.rolledBack], [60, 60, 0]);
  assert.ok(report.overtaken > 60, `${report.overtaken} of ${report.calls} calls were under way while something changed`);
});

test("an engine that looks for its rules anew in the middle of a call is found out", { timeout: 60_000 }, async () => {
  const edit = (text: string): string =>
    text
      .replace("of use.value.rules) {", "of anew(call, use.value.rules.length)) {")
      .replace(
        "  return {\n    async assess",
        "  function* anew(call, count) {\n    for (let at = 0; at < count; at++) { const use = rules.use(call); use.end(); yield use.value.rules[at]; }\n  }\n  return {\n    async assess",
      );
  const report = await swapUnderLoad({ ruleChanges: 20, engineSwaps: 0, edit });
  assert.match(report.mixed[0] ?? "", /^rules of \d+ and \d+$/);
});

test("every file of rules/ and engine/ is as the app reads it", async () => {
  // They are loaded by path, each time anew; here once as any module is, so that types and names are what they say.
  const modules = [await import("./rules/amount.ts"), await import("./rules/velocity.ts"), await import("./rules/country.ts")];
  for (const { rule } of modules) {
    assert.equal(rule.version, "1");
    for (const { payment: change, points } of rule.examples)
      assert.equal((await rule.judge({ ...AssessRequest.create(payment), ...change }, new Call()))?.points ?? 0, points);
  }
  const { version } = await import("./engine/engine.ts");
  assert.equal(version, (await import("./engine/thresholds.ts")).version);
});

test("rules as they are delivered decide as their examples say", async () => {
  await using started = await start();
  const decide = async (change: object): Promise<string> => {
    const { decision, score } = await started.client.assess({ ...payment, ...change });
    return `${Object.entries(Decision).find(([, value]) => value === decision)?.[0]} ${score}`;
  };
  assert.equal(await decide({}), "ACCEPT 0");
  assert.equal(await decide({ amount: 200_000n }), "REVIEW 30");
  assert.equal(await decide({ amount: 200_000n, paymentsLastHour: 6 }), "DECLINE 70");
  assert.equal(await decide({ cardCountry: "FR" }), "ACCEPT 25");
});

test("a bad rule is refused with its file, the line and the reason, and the rules before go on", async () => {
  await using started = await start();
  const { refused, client, folder } = started;
  const text = (points: number, more = ""): string =>
    `export const rule = {\n  version: "2",\n  judge: () => ({ points: 5, why: "5" }),\n  examples: [{ payment: {}, points: ${points} }],\n  ${more}\n};\n`;
  assert.equal(await refused("new.ts", 'const a = 1;\nthrow new Error("no " + a);\n'), "rules/new.ts:2: no 1");
  assert.match(await refused("new.ts", `${text(5)}const b: number = ;\n`), /^rules\/new\.ts:7: Expression expected/);
  assert.equal(await refused("new.ts", text(6)), "rules/new.ts: expected 6 points for {}, found 5");
  assert.equal(
    await refused("new.ts", 'export const rule = { version: "2" };\n'),
    "rules/new.ts: expected it to export a rule with a function judge",
  );
  assert.equal(
    await refused("new.ts", text(5, 'goesWith: "velocity"')),
    "rules/new.ts: expected rules/velocity.ts at its own version, 2, found version 1",
  );
  assert.equal((await client.listRules({})).generation, 1);
  await writeFile(join(folder.rules, "new.ts"), text(5));
  await folder.writeRules(3);
  const said = async (): Promise<string> => {
    const { findings } = await client.assess(payment);
    return findings.map(({ rule, points }) => `${rule} ${points}`).join(", ");
  };
  const untilMs = performance.now() + 10_000;
  while ((await said()) !== "amount 4, new 5, velocity 4" && performance.now() < untilMs) await systemClock.sleep(5);
  assert.equal(await said(), "amount 4, new 5, velocity 4");
});

test("a rule that turns bad after the switch is rolled back by itself, with the reason", async () => {
  await using started = await start();
  const { client, risk, folder } = started;
  for (let turn = 0; turn < 50; turn++) await client.assess(payment);
  const judge = "({ amount }) => (amount === 5000n ? undefinedThing : undefined)";
  const bad = `export const rule = { version: "2", judge: ${judge}, examples: [{ payment: {}, points: 0 }] };\n`;
  await writeFile(join(folder.rules, "country.ts"), bad);
  await eventually(() => risk.rules.state().current === 2, "the second generation");
  let failed = 0;
  for (let turn = 0; turn < 100; turn++) await client.assess(payment).catch(() => failed++);
  const { current, rolledBack, past } = risk.rules.state();
  assert.deepEqual([current, rolledBack], [1, 1]);
  assert.ok(failed <= 25, `${failed} calls failed`);
  assert.match(past.at(-1)?.reason ?? "", /^\d+ of \d+ calls \(100\.0 %\) failed, before it 0 of 5\d calls \(0\.0 %\)$/);
});
