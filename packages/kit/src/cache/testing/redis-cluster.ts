import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { freePort, RedisProcess, skipOwnRedis } from "./redis-process.ts";

const run = promisify(execFile);
const tool = ["/usr/bin/redis-cli", "/usr/local/bin/redis-cli"].find((file) => existsSync(file)) ?? "";

/** Why tests with a cluster of their own are skipped; false when they are not. */
export const skipOwnCluster: string | false =
  skipOwnRedis || (tool === "" && "redis-cli is not installed; tools/services.ts up installs it");

/** Three masters that share the slots, behind a password. */
export interface TestCluster extends AsyncDisposable {
  /** Of the first node. */
  readonly url: string;
  readonly nodes: readonly RedisProcess[];
  /** Runs redis-cli against a node, the first one by default; answers what it says. */
  ask(args: readonly string[], node?: RedisProcess): Promise<string>;
  /** Moves so many slots from one node to another while the cluster works. */
  moveSlots(count: number, ends: { readonly from: RedisProcess; readonly to: RedisProcess }): Promise<void>;
}

const password = "of-a-test";

/** Starts one; resolves when every node knows all slots. */
export async function startTestCluster(): Promise<TestCluster> {
  const nodes = await Promise.all([1, 2, 3].map(startNode));
  const ask: TestCluster["ask"] = async (args, node = nodes[0]) => {
    const { stdout } = await run(tool, ["-p", `${node?.port}`, ...args], { timeout: 60_000, env: { REDISCLI_AUTH: password } });
    return stdout;
  };
  const isWhole = async (node: RedisProcess): Promise<boolean> => /cluster_state:ok/.test(await ask(["cluster", "info"], node));
  await ask(["--cluster", "create", ...nodes.map(({ port }) => `127.0.0.1:${port}`), "--cluster-yes"]);
  const endMs = performance.now() + 30_000;
  while (!(await Promise.all(nodes.map(isWhole))).every(Boolean)) {
    if (performance.now() > endMs) throw new Error("expected the cluster to be whole within 30 s");
  }
  const idOf = async (node: RedisProcess): Promise<string> => (await ask(["cluster", "myid"], node)).trim();
  return {
    url: `redis://:${password}@127.0.0.1:${nodes[0]?.port}`,
    nodes,
    ask,
    async moveSlots(count, { from, to }) {
      const ends = ["--cluster-from", await idOf(from), "--cluster-to", await idOf(to), "--cluster-slots", `${count}`];
      await ask(["--cluster", "reshard", `127.0.0.1:${from.port}`, ...ends, "--cluster-yes"]);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    },
  };
}

async function startNode(): Promise<RedisProcess> {
  const cluster = ["--cluster-enabled", "yes", "--cluster-port", `${await freePort()}`, "--cluster-node-timeout", "1000"];
  return RedisProcess.start([...cluster, "--cluster-require-full-coverage", "no", "--requirepass", password, "--masterauth", password]);
}
