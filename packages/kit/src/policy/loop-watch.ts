/** Watches the event loop of a process, also while it is blocked. `createLoopWatch` of policy/node-loop-watch is one. */
export interface LoopWatch {
  /** How long what comes in now has waited for the loop, at most, in milliseconds. Right also within the turn that blocked. */
  delayMs(): number;
  /** Share of time in which the loop worked lately, 0 to 1. */
  utilisation(): number;
  /** Stops watching; both answers stay 0 from then on. */
  close(): void;
}
