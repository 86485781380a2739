import type { RetryPolicy } from "./method-policy.ts";
import type { PolicyParts } from "./policy.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { createRetryBudget } from "./retry-budget.ts";

/** The budgets of one destination: methods that say the same share one, so that what all of them repeat stays a fraction of all calls. */
export class RetryBudgets {
  readonly #parts: PolicyParts;
  readonly #known = new Map<string, RetryBudget>();

  constructor(parts: PolicyParts) {
    this.#parts = parts;
  }

  /** The budget for a method's policy. It is kept, and what was paid in with it, however often the policy changes. */
  of({ budgetRatio, budgetPerSecondMin }: RetryPolicy): RetryBudget {
    const key = `${budgetRatio} ${budgetPerSecondMin}`;
    const known = this.#known.get(key);
    if (known) return known;
    const name = this.#known.size === 0 ? this.#parts.name : `${this.#parts.name ?? "default"} ${key}`;
    const budget = createRetryBudget({ ratio: budgetRatio, perSecondMin: budgetPerSecondMin }, { ...this.#parts, ...(name && { name }) });
    this.#known.set(key, budget);
    return budget;
  }
}
