import { fault } from "@weir/kit/fault";
import { Decision, RuleInfo } from "../risk.weir.ts";
import type { RiskHandlers } from "../risk.weir.ts";
import type { RuleSets } from "../rule-set.ts";
import * as thresholds from "./thresholds.ts";

/** The same as that of the thresholds. */
export const version: string = "1";

if (thresholds.version !== version)
  throw fault(
    { reason: "ENGINE_MIXED", code: "FAILED_PRECONDITION" },
    `expected thresholds of version ${version}, found ${thresholds.version}`,
  );

/** The handlers, with the rules that they judge by. */
export function createEngine(rules: RuleSets): RiskHandlers {
  return {
    async assess(payment, call) {
      const use = rules.use(call);
      try {
        const findings = [];
        for (const { name, version: ruleVersion, judge } of use.value.rules) {
          const verdict = await judge(payment, call);
          if (verdict) findings.push({ rule: name, version: ruleVersion, ...verdict });
        }
        use.end();
        const score = findings.reduce((sum, { points }) => sum + points, 0);
        return {
          decision: score >= thresholds.decline ? Decision.DECLINE : score >= thresholds.review ? Decision.REVIEW : Decision.ACCEPT,
          score,
          findings,
          rulesGeneration: use.generation,
          engineVersion: version,
          thresholdsVersion: thresholds.version,
        };
      } catch (error) {
        use.end(error);
        throw error;
      }
    },
    async listRules(_, call) {
      const use = rules.use(call);
      use.end();
      const found = use.value.rules.map(({ name, version: ruleVersion, goesWith = "" }) =>
        RuleInfo.create({ name, version: ruleVersion, goesWith }),
      );
      return { generation: use.generation, rules: found };
    },
  };
}
