import type { Rule } from "../rule.ts";

/** Cards that are used abroad. */
export const rule: Rule = {
  version: "1",
  judge: ({ cardCountry, buyerCountry }) =>
    cardCountry === buyerCountry ? undefined : { points: 25, why: `the card is of ${cardCountry}, the buyer in ${buyerCountry}` },
  examples: [
    { payment: { cardCountry: "DE", buyerCountry: "DE" }, points: 0 },
    { payment: { cardCountry: "DE", buyerCountry: "FR" }, points: 25 },
  ],
};
