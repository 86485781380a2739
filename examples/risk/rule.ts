import type { Call } from "@weir/kit/call";
import type { AssessRequest } from "./risk.weir.ts";

/** What a rule judges. */
export type Payment = Readonly<AssessRequest>;

/** What a rule says of a payment that it does not like. */
export interface Verdict {
  /** 1 to 100. */
  readonly points: number;
  /** For people, in one sentence. */
  readonly why: string;
}

/** What a file of rules/ exports as `rule`. */
export interface Rule {
  /** Changes whenever the rule does. */
  readonly version: string;
  /** The name of a rule that only makes sense at the same version. Default none. */
  readonly goesWith?: string;
  /** Undefined when there is nothing to say. */
  readonly judge: (payment: Payment, call: Call) => Verdict | undefined | Promise<Verdict | undefined>;
  /** Payments and what the rule gives them: tried before anybody is judged by it. At least one. */
  readonly examples: readonly { readonly payment: Partial<Payment>; readonly points: number }[];
}

/** A rule with the name of its file. */
export interface NamedRule extends Rule {
  readonly name: string;
}
