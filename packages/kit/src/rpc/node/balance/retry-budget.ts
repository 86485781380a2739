/** How much may be tried again. */
export interface RetryBudgetOptions {
  /** Retries earned by each request: 0.2 lets one in five be repeated. Default 0.2. */
  readonly ratio: number;
  /** Retries that may be saved up, and that a new budget begins with. Default 100. */
  readonly tokensMax: number;
}

/** A purse of retries: when everything fails, the load on what is left grows by the ratio and no more. */
export interface RetryBudget {
  /** A request was made. */
  earn(): void;
  /** Whether one more may be repeated; if so it is paid for. */
  spend(): boolean;
}

/** A full purse. */
export function createRetryBudget({ ratio, tokensMax }: RetryBudgetOptions): RetryBudget {
  let tokens = tokensMax;
  return {
    earn() {
      if (tokens < tokensMax) tokens = Math.min(tokensMax, tokens + ratio);
    },
    spend() {
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
