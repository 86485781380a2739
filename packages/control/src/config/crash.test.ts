import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import type { Config } from "@weir/kit/config";
import { createConfig } from "@weir/kit/config";
import { Outcome } from "@weir/kit/config/configs";
import { controlSource } from "@weir/kit/config/control-source";
import type { ConfigKey } from "@weir/kit/config/key";
import { integer } from "@weir/kit/config/key";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { TestDatabase } from "../fixtures/databases.ts";
import { databaseKinds } from "../fixtures/databases.ts";
import type { TestClients } from "../fixtures/house.ts";
import { clientsOver, testTokens } from "../fixtures/house.ts";
import { until } from "../fixtures/until.ts";

/** Runs control in a process of its own, on a port that it comes back to. */
const program = `
import { createControl } from ${JSON.stringify(new URL("../control.ts", import.meta.url).href)};
const { databaseUrl, bootstrapTokens, port } = JSON.parse(process.env.WEIR_TEST_CONTROL);
const control = await createControl({ databaseUrl, bootstrapTokens, port });
process.stdout.write(control.url + "\\n");
`;

interface ControlProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly admin: TestClients;
  kill(): Promise<void>;
}

async function startProcess(database: TestDatabase, port = 0): Promise<ControlProcess> {
  const settings = JSON.stringify({ databaseUrl: database.url, bootstrapTokens: testTokens, port });
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    env: { ...process.env, WEIR_TEST_CONTROL: settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [url] = (await once(createInterface({ input: child.stdout }), "line", { signal: AbortSignal.timeout(20_000) })) as [string];
  const transport = createWireTransport({ url, metadata: ["authorization", `Bearer ${testTokens.admin}`] });
  return {
    child,
    url,
    admin: clientsOver(transport),
    async kill() {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, "exit");
        child.kill("SIGKILL");
        await gone;
      }
      await transport.close();
    },
  };
}

const schema: { left: ConfigKey<number>; right: ConfigKey<number> } = { left: integer({ default: 0 }), right: integer({ default: 0 }) };
type Pair = Config<typeof schema>;

const instancesCount = 20;
const pairOf = (config: Pair): string => `${config.values.left} ${config.values.right}`;

for (const kind of databaseKinds) {
  describe(`settings over ${kind.name}, control killed in the middle of a change`, { skip: kind.skip, timeout: 120_000 }, () => {
    test("leave every instance with all of the old or all of the new, and all catch up when control is back", async (t) => {
      const database = await kind.create();
      let control = await startProcess(database);
      const port = Number(new URL(control.url).port);
      const source = (): ReturnType<typeof controlSource> =>
        controlSource({ url: control.url, token: testTokens.instance, service: "feed" });
      const configs = await Promise.all(
        Array.from({ length: instancesCount }, () => createConfig({ schema, sources: [source()], subscriberMsMax: 60_000 })),
      );
      // Every other instance is still about to take a change while this is shut.
      let gate = Promise.withResolvers<void>();
      gate.resolve();
      // Also when a check fails: nothing is left that would hold this process.
      t.after(async () => {
        gate.resolve();
        await Promise.all(configs.map((config) => config.close()));
        await control.kill();
        await database.drop();
      });
      const torn: string[] = [];
      for (const [index, config] of configs.entries()) {
        config.subscribe(["left", "right"], async ({ left, right }) => {
          if (left !== right) torn.push(`${left} ${right}`);
          if (index % 2 === 1) await gate.promise;
        });
      }
      let value = 0;
      for (let round = 1; round <= 3; round++) {
        value += 1;
        const before = value;
        await control.admin.configs.put({ service: "feed", values: { left: value, right: value }, reason: "before" });
        await until(() => configs.every((config) => config.values.left === before), "the change before");
        value += 1;
        gate = Promise.withResolvers<void>();
        const changing = control.admin.configs.put({ service: "feed", values: { left: value, right: value }, reason: "killed" });
        // Once half of them have it, or even before anybody knows whether it was stored.
        const hasIt = (config: Pair): boolean => config.values.left === value;
        if (round > 1) await until(() => configs.filter(hasIt).length === instancesCount / 2, "the first half to have it");
        const answered = changing.then(
          () => true,
          () => false,
        );
        await control.kill();
        await answered;
        const found = new Set(configs.map(pairOf));
        if (round > 1) assert.deepEqual([...found].sort(), [`${before} ${before}`, `${value} ${value}`]);
        for (const pair of found) assert.ok(pair === `${before} ${before}` || pair === `${value} ${value}`, `found ${pair}`);
        gate.resolve();
        await until(
          () => configs.every((config) => config.explain().sources[0]?.state === "away"),
          "everybody to see that control is away",
        );
        const { heardAgeMs = -1, revision } = configs[0]?.explain().sources[0] ?? {};
        assert.ok(heardAgeMs >= 0 && Number(revision) > 0, "the age of what is held");

        control = await startProcess(database, port);
        const { scopes, revision: stored } = await control.admin.configs.get({ service: "feed" });
        const expected = Number(scopes[0]?.values?.["left"]);
        assert.ok(expected === before || expected === value, `stored ${expected}`);
        // What one instance had seen was on the disk.
        if (round > 1) assert.equal(expected, value);
        value = expected;
        await until(() => configs.every((config) => pairOf(config) === `${expected} ${expected}`), "everybody to catch up");
        await until(async () => await allApplied(control, stored), "everybody to confirm");
      }
      assert.deepEqual(torn, []);
    });
  });
}

async function allApplied({ admin }: ControlProcess, revision: bigint): Promise<boolean> {
  const { instances } = await admin.configs.get({ service: "feed" });
  const applied = instances.filter((one) => one.connected && one.outcome === Outcome.APPLIED && one.revision === revision);
  return applied.length === instancesCount;
}
