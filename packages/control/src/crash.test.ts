import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import type { TestDatabase } from "./fixtures/databases.ts";
import { databaseKinds } from "./fixtures/databases.ts";
import type { TestClients } from "./fixtures/house.ts";
import { clientsOver, furnishFeed, sharesOf, testTokens } from "./fixtures/house.ts";
import { createWireTransport } from "@weir/kit/rpc/node/transport";

/** Runs control in a process of its own, that can be killed like one. */
const program = `
import { createControl } from ${JSON.stringify(new URL("control.ts", import.meta.url).href)};
const { databaseUrl, bootstrapTokens } = JSON.parse(process.env.WEIR_TEST_CONTROL);
const control = await createControl({ databaseUrl, bootstrapTokens, leaseMs: 60_000 });
process.stdout.write(control.url + "\\n");
`;

interface ControlProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly admin: TestClients;
  readonly instance: TestClients;
  /** Kills it as a power cut would. */
  kill(): Promise<void>;
}

async function startProcess(database: TestDatabase): Promise<ControlProcess> {
  const settings = JSON.stringify({ databaseUrl: database.url, bootstrapTokens: testTokens });
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    env: { ...process.env, WEIR_TEST_CONTROL: settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const [url] = (await once(lines, "line", { signal: AbortSignal.timeout(20_000) })) as [string];
  const transports = [testTokens.admin, testTokens.instance].map((token) =>
    createWireTransport({ url, metadata: ["authorization", `Bearer ${token}`] }),
  );
  const [admin, instance] = transports.map(clientsOver) as [TestClients, TestClients];
  return {
    child,
    url,
    admin,
    instance,
    async kill() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      await Promise.all(transports.map((transport) => transport.close()));
    },
  };
}

/** Changes weights one after the other until control is gone; answers the weights that were answered for. */
async function changeUntilGone(admin: TestClients, fromWeight: number): Promise<number[]> {
  const answered: number[] = [];
  for (let weight = fromWeight; ; weight++) {
    try {
      await admin.releases.setWeights({ service: "feed", shares: sharesOf(weight), reason: `to ${weight}` }, { timeoutMs: 5000 });
      answered.push(weight);
    } catch {
      return answered;
    }
  }
}

for (const kind of databaseKinds) {
  describe(`control over ${kind.name}, killed under writes`, { skip: kind.skip, timeout: 60_000 }, () => {
    test("comes back with everything it has answered for, each with its entry, in a whole chain", async () => {
      const database = await kind.create();
      let control = await startProcess(database);
      await furnishFeed(control);
      const { routes } = await control.admin.routes.listRoutes({});
      let weight = 1;
      for (let round = 0; round < 3; round++) {
        const changing = changeUntilGone(control.admin, weight);
        // It is killed in the middle of whatever it does just then.
        await reached(control.admin, weight + 20);
        await control.kill();
        const answered = await changing;
        assert.ok(answered.length >= 20, `${answered.length} changes before the kill`);
        const last = answered.at(-1) ?? 0;

        control = await startProcess(database);
        const { release } = await control.admin.releases.getRelease({ service: "feed" });
        // The change under way may have been made or not; nothing else may differ.
        assert.ok(release?.newWeight === last || release?.newWeight === last + 1, `answered for ${last}, found ${release?.newWeight}`);
        const verified = await control.admin.audit.verifyChain({});
        assert.deepEqual([verified.whole, verified.message], [true, ""]);
        const { entries } = await control.admin.audit.listEntries({ resource: "release/feed", limit: 500 });
        const done = entries
          .filter(({ action }) => action === "Releases.SetWeights")
          .map(({ to }) => (JSON.parse(to) as { newWeight: number }).newWeight);
        assert.deepEqual(
          done.toReversed(),
          Array.from({ length: release?.newWeight ?? 0 }, (_, index) => index + 1),
        );
        assert.deepEqual((await control.admin.routes.listRoutes({})).routes, routes);
        weight = (release?.newWeight ?? 0) + 1;
      }
      await control.kill();
      await database.drop();
    });
  });
}

/** Waits until so many changes have been made. The test's own time-out is the deadline. */
async function reached(admin: TestClients, weight: number): Promise<void> {
  for await (const { release } of admin.releases.watchRelease({ service: "feed" })) if ((release?.newWeight ?? 0) >= weight) return;
}
