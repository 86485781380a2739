/** How long an endpoint that cannot be reached is left alone. */
export interface BackoffOptions {
  /** After the first failure. Default 250 ms: a process that restarts is back within a second. */
  readonly baseMs: number;
  /** At most. Default 10,000 ms, a twelfth of what gRPC allows: who waits two minutes for a server that is back complains. */
  readonly maxMs: number;
}

/** Defaults of BackoffOptions. */
export const backoffDefaults: BackoffOptions = { baseMs: 250, maxMs: 10_000 };

const factor = 1.6;
const jitter = 0.2;

/** The pause after this many failures in a row: growing by 1.6, ±20 % by chance. Source: gRPC connection-backoff.md. */
export function backoffMs(failures: number, options: BackoffOptions, random: () => number): number {
  const grownMs = Math.min(options.maxMs, options.baseMs * factor ** Math.max(0, failures - 1));
  return jittered(grownMs, random, jitter);
}

/** A duration moved by chance, so that many clients that began together do not stay together. `share` 0.2 is ±20 %. */
export function jittered(durationMs: number, random: () => number, share: number = jitter): number {
  return durationMs * (1 + share * (2 * random() - 1));
}
