import type { Tree } from "./tree.ts";

/** One thing that is not as the house wants it. */
export interface Violation {
  /** Name of the rule, "floors". */
  readonly rule: string;
  readonly path: string;
  /** From 1; 0 when the whole file is meant. */
  readonly line: number;
  /** What was expected and what was found. */
  readonly message: string;
}

/** A rule of the house: looks at the whole tree and says what is wrong. Pure. */
export type Rule = (tree: Tree) => Violation[];
