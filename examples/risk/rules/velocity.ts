import type { Rule } from "../rule.ts";

const most = 5;

/** Many payments in a short time. */
export const rule: Rule = {
  version: "1",
  goesWith: "amount",
  judge: ({ paymentsLastHour }) =>
    paymentsLastHour <= most ? undefined : { points: 40, why: `${paymentsLastHour} payments within an hour are more than ${most}` },
  examples: [
    { payment: { paymentsLastHour: 5 }, points: 0 },
    { payment: { paymentsLastHour: 6 }, points: 40 },
  ],
};
