import type { App } from "@weir/kit";
import { createApp, isFault, type Logger } from "@weir/kit";
import { loadHotModule } from "@weir/kit/app/hot-module";
import type { HotService } from "@weir/kit/app/hot-service";
import { createHotService, showHotSwap } from "@weir/kit/app/hot-service";
import { HotSwap } from "@weir/kit/app/hot-swap";
import { watchFolder } from "@weir/kit/app/watch-folder";
import { join } from "node:path";
import type { RiskHandlers } from "./risk.weir.ts";
import { Risk } from "./risk.weir.ts";
import type { RuleSet, RuleSets } from "./rule-set.ts";
import { loadRules, ruleFiles, tryRules } from "./rule-set.ts";

/** What the engine is told. */
export interface RiskAppOptions {
  readonly version: string;
  /** Folders of the rules and of the engine. Default those beside this file. */
  readonly rulesFolder?: string;
  readonly engineFolder?: string;
  /** Where refused changes are logged. Default nowhere. */
  readonly log?: Logger;
}

/** The app, and what is swapped in it. */
export interface RiskApp {
  readonly app: App;
  readonly rules: RuleSets;
  readonly engine: HotService<RiskHandlers>;
  /** Ends the watching. */
  close(): Promise<void>;
}

const sample = { paymentId: "self-test", amount: 1n, currency: "EUR", cardCountry: "DE", buyerCountry: "DE", paymentsLastHour: 1 };

/** Takes no call before rules and engine have passed their tests; from then on follows every change of both folders. */
export function createRiskApp(options: RiskAppOptions): RiskApp {
  const { version, log, rulesFolder = besides("rules"), engineFolder = besides("engine") } = options;
  const logged = log ? { log } : {};
  const rules: RuleSets = new HotSwap<RuleSet>({ name: "rules", selfTest: tryRules, ...logged });
  const engine = createHotService(Risk, {
    name: "engine",
    ...logged,
    async selfTest(client) {
      const { engineVersion } = await client.assess(sample, { timeoutMs: 1000 });
      if (engineVersion === "") throw new Error("expected an answer with the version of the engine, found none");
    },
  });
  const app = createApp({ name: "risk", version, services: [engine.implementation], ...logged });
  engine.showOn(app);
  showHotSwap(rules, app);
  const stop = new AbortController();
  const watching: Promise<void>[] = [];
  const follow = (folder: string, files: RegExp, swap: (files: readonly string[]) => Promise<unknown>): Promise<void> => {
    const first = Promise.withResolvers<void>();
    const onChange = async (found: readonly string[]): Promise<void> => {
      await swap(found).then(
        () => first.resolve(),
        (error: unknown) => {
          first.reject(error as Error);
          // Too many changes at once are tried again; what is refused waits for the next change.
          if (isFault(error) && error.reason === "HOT_SWAP_BUSY") throw error;
        },
      );
    };
    watching.push(watchFolder({ folder, files, onChange, onFailure: first.reject, settleMs: 20 })(stop.signal));
    return first.promise;
  };
  app
    .warmUp("rules", () =>
      follow(rulesFolder, ruleFiles, (files) => rules.swap(() => loadRules(rulesFolder, files), { label: files.join(" ") })),
    )
    .warmUp("engine", () =>
      follow(engineFolder, ruleFiles, (files) => engine.swap(() => loadEngine(engineFolder, rules), { label: files.join(" ") })),
    );
  return {
    app,
    rules,
    engine,
    async close() {
      stop.abort();
      await Promise.all(watching);
    },
  };
}

async function loadEngine(folder: string, rules: RuleSets): Promise<RiskHandlers> {
  const { exports } = await loadHotModule(join(folder, "engine.ts"), { root: folder });
  return (exports["createEngine"] as (rules: RuleSets) => RiskHandlers)(rules);
}

function besides(name: string): string {
  return join(import.meta.dirname, name);
}
