import { cp, mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Rules and engine that a test may write over. */
export interface RiskFolder extends AsyncDisposable {
  readonly rules: string;
  readonly engine: string;
  /** Writes both rules that belong together, one after the other, at this version: each gives `pointsOf(version)`. */
  writeRules(version: number): Promise<void>;
  /** The same with both files of the engine. */
  writeEngine(version: number): Promise<void>;
}

const home = join(import.meta.dirname, "..");

/** Points that the rules of a version give. */
export function pointsOf(version: number): number {
  return (version % 40) + 1;
}

/** Copies of rules/ and engine/, below the example, so that what they import is found; `edit` may change the engine's text. */
export async function createRiskFolder(edit: (engine: string) => string = (text) => text): Promise<RiskFolder> {
  await mkdir(join(home, ".weir"), { recursive: true });
  const folder = await mkdtemp(join(home, ".weir", "risk-"));
  const [rules, engine] = [join(folder, "rules"), join(folder, "engine")];
  await Promise.all([cp(join(home, "rules"), rules, { recursive: true }), mkdir(engine)]);
  const sources = await Promise.all(["engine.ts", "thresholds.ts"].map((name) => readFile(join(home, "engine", name), "utf8")));
  const writeEngine = async (version: number): Promise<void> => {
    for (const [index, name] of ["engine.ts", "thresholds.ts"].entries()) {
      const text = edit(sources[index] ?? "")
        .replaceAll('"../', '"../../../')
        .replace('version: string = "1"', `version: string = "${version}"`);
      await writeFile(join(engine, name), text);
    }
  };
  await writeEngine(1);
  return {
    rules,
    engine,
    writeEngine,
    async writeRules(version) {
      for (const [name, other] of [
        ["amount", "velocity"],
        ["velocity", "amount"],
      ]) {
        await writeFile(join(rules, `${name}.ts`), ruleText(other ?? "", version));
      }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A rule that takes its time, so that the rules change while it judges. */
function ruleText(goesWith: string, version: number): string {
  return `const table = Array.from({ length: 1000 }, (_, index) => ({ index, version: "${version}" }));
export const rule = {
  version: "${version}",
  goesWith: "${goesWith}",
  async judge({ amount }: { amount: bigint }, call: import("@weir/kit/call").Call) {
    if (amount < 1000n) return undefined;
    await call.clock.sleep(1, call.signal);
    return { points: ${pointsOf(version)}, why: "version " + table[7]!.version };
  },
  examples: [{ payment: { amount: 1000n }, points: ${pointsOf(version)} }],
};
`;
}
