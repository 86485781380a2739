/** What a server has done so far. Live: the numbers move while one looks. */
export interface ServerCounters {
  connectionsTotal: number;
  connectionsOpen: number;
  requestsTotal: number;
  requestsInFlight: number;
  bytesRead: number;
  bytesWritten: number;
  /** TLS handshakes that were done, and those among them that resumed a session. */
  tlsHandshakesTotal: number;
  tlsResumptionsTotal: number;
  /** Refusals and failures by reason. */
  readonly refusals: Record<string, number>;
}

/** Counters at zero. */
export function createServerCounters(): ServerCounters {
  return {
    connectionsTotal: 0,
    connectionsOpen: 0,
    requestsTotal: 0,
    requestsInFlight: 0,
    bytesRead: 0,
    bytesWritten: 0,
    tlsHandshakesTotal: 0,
    tlsResumptionsTotal: 0,
    refusals: {},
  };
}

/** Counts one refusal. */
export function countRefusal(counters: { readonly refusals: Record<string, number> }, reason: string): void {
  counters.refusals[reason] = (counters.refusals[reason] ?? 0) + 1;
}
