import type { Rule } from "../rule.ts";

const odd = 100_000n;

/** Large payments. Many small ones are as odd as one that is large: this limit and that of velocity are set together. */
export const rule: Rule = {
  version: "1",
  goesWith: "velocity",
  judge: ({ amount }) => (amount <= odd ? undefined : { points: amount > 10n * odd ? 60 : 30, why: `${amount} is more than ${odd}` }),
  examples: [
    { payment: { amount: 100_000n }, points: 0 },
    { payment: { amount: 100_001n }, points: 30 },
    { payment: { amount: 1_000_001n }, points: 60 },
  ],
};
