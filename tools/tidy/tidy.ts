import { bansRule } from "./bans.ts";
import type { Exemption } from "./exemptions.ts";
import { floorsRule } from "./floors.ts";
import { cyclesRule, doorsRule, reachRule } from "./graph.ts";
import { lockRule } from "./lock.ts";
import { dependenciesRule, pagesRule, placesRule } from "./pages.ts";
import { idleReasonsRule } from "./reasons.ts";
import { documentedRule, optionsRule, parametersRule } from "./shapes.ts";
import { coreSizeRule, packageSizesRule, sizesRule } from "./sizes.ts";
import type { Tree } from "./tree.ts";
import type { Rule, Violation } from "./violation.ts";

/** All rules, by the name under which a test reports them. */
export const rules: Readonly<Record<string, Rule>> = {
  "imports run downward": floorsRule,
  "imports do not run in a circle": cyclesRule,
  "every file is reached": reachRule,
  "every door leads somewhere": doorsRule,
  "files and functions are small": sizesRule,
  "the core can be read in ten minutes": coreSizeRule,
  "packages stay in their size": packageSizesRule,
  "every reason is given somewhere": idleReasonsRule,
  "options are few": optionsRule,
  "parameters are few": parametersRule,
  "every export is documented": documentedRule,
  "nothing banned is written": bansRule,
  "no place of one machine is named": placesRule,
  "pages link to what exists": pagesRule,
  "the lock file is whole": lockRule,
  "every dependency has its reason": dependenciesRule,
};

/** What is left of what was found when the exempt is taken out. */
export function withoutExempt(found: readonly Violation[], exemptions: readonly Exemption[]): Violation[] {
  return found.filter((one) => !exemptions.some((exempt) => exempt.rule === one.rule && exempt.path === one.path));
}

/** Exemptions that exempt nothing any more. */
export function idleExemptions(tree: Tree, exemptions: readonly Exemption[]): Exemption[] {
  const found = Object.values(rules).flatMap((rule) => rule(tree));
  return exemptions.filter((exempt) => !found.some((one) => one.rule === exempt.rule && one.path === exempt.path));
}

/** Violations as lines of text, one each. */
export function describeViolations(violations: readonly Violation[]): string {
  return violations.map((one) => `  ${one.path}${one.line > 0 ? `:${one.line}` : ""} · ${one.rule} · ${one.message}`).join("\n");
}
