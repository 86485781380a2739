import { Call } from "@weir/kit/call";
import { fault } from "@weir/kit/fault";
import { loadHotModule } from "@weir/kit/app/hot-module";
import type { HotSwap } from "@weir/kit/app/hot-swap";
import { join } from "node:path";
import { AssessRequest } from "./risk.weir.ts";
import type { NamedRule, Payment } from "./rule.ts";

/** All rules of a folder, as they were at one moment. */
export interface RuleSet {
  /** In the order of their names. */
  readonly rules: readonly NamedRule[];
}

/** The rules in force, and those before. */
export type RuleSets = HotSwap<RuleSet>;

/** Files of rules; what an editor leaves beside them is not one. */
export const ruleFiles: RegExp = /^[a-z0-9][a-z0-9-]*\.ts$/;

const invalid = { reason: "RULE_INVALID", code: "FAILED_PRECONDITION" } as const;
const harmless: Payment = AssessRequest.create({
  paymentId: "example",
  amount: 1n,
  currency: "EUR",
  cardCountry: "DE",
  buyerCountry: "DE",
  paymentsLastHour: 1,
});

/** Reads the rules anew. Rejects with HOT_MODULE_INVALID or RULE_INVALID, naming the file. */
export async function loadRules(folder: string, files: readonly string[]): Promise<RuleSet> {
  const rules: NamedRule[] = [];
  for (const file of files) rules.push(await loadRule(folder, file));
  for (const { name, version, goesWith } of rules) {
    const other = rules.find((each) => each.name === goesWith);
    if (goesWith !== undefined && other?.version !== version) {
      const found = other ? `version ${other.version}` : "no such rule";
      throw fault(invalid, `rules/${name}.ts: expected rules/${goesWith}.ts at its own version, ${version}, found ${found}`);
    }
  }
  return { rules };
}

/** Tries every example of every rule. Rejects with RULE_INVALID, naming the first that fails. */
export async function tryRules({ rules }: RuleSet): Promise<void> {
  for (const { name, examples, judge } of rules) {
    for (const { payment, points } of examples) {
      const found = (await judge({ ...harmless, ...payment }, new Call()))?.points ?? 0;
      if (found !== points) throw fault(invalid, `rules/${name}.ts: expected ${points} points for ${shown(payment)}, found ${found}`);
    }
  }
}

async function loadRule(folder: string, file: string): Promise<NamedRule> {
  const { exports } = await loadHotModule(join(folder, file), { root: folder });
  const expected = (what: string): Error => fault(invalid, `rules/${file}: expected it to export a rule with ${what}`);
  const found = exports["rule"];
  const { version, goesWith, judge, examples } = (typeof found === "object" && found !== null ? found : {}) as Partial<
    Record<string, unknown>
  >;
  if (typeof version !== "string" || version === "") throw expected('a version such as "1"');
  if (goesWith !== undefined && typeof goesWith !== "string") throw expected("the name of another as goesWith, or without");
  if (typeof judge !== "function") throw expected("a function judge");
  if (!Array.isArray(examples) || examples.length === 0) throw expected("examples, at least one");
  const rule = { version, judge: judge as NamedRule["judge"], examples: examples as NamedRule["examples"] };
  return { name: file.slice(0, -".ts".length), ...rule, ...(goesWith !== undefined && { goesWith }) };
}

function shown(payment: Partial<Payment>): string {
  return JSON.stringify(payment, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
}
