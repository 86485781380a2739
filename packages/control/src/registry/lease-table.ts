/** Who has been heard of, and until when that holds. All times are the clock's `monotonicMs`. Pure but for its map. */
export interface LeaseTable {
  /** Renews a lease, or begins one. */
  renew(id: string, nowMs: number): void;
  /** Whether a lease holds. */
  holds(id: string, nowMs: number): boolean;
  /** Ends a lease. */
  end(id: string): void;
  /**
   * Ids whose lease has run out. When control itself stood still since it last looked (a stopped process, a sleeping
   * laptop), heartbeats may lie unread: then every lease is made longer by that time first.
   */
  expired(nowMs: number): string[];
  /** Milliseconds by which the tardiest lease that still holds is behind its heartbeat; 0 when none is. */
  lagMs(nowMs: number): number;
  readonly size: number;
}

/** How leases run. */
export interface LeaseOptions {
  /** How long a lease holds without a heartbeat. */
  readonly leaseMs: number;
  /** How often a heartbeat is wanted. */
  readonly heartbeatMs: number;
  /** How often `expired` is asked. */
  readonly lookEveryMs: number;
}

/** Looking this much later than asked for is standing still. */
const stillMsMin = 250;

/** A table without leases. */
export function createLeaseTable(options: LeaseOptions): LeaseTable {
  const { leaseMs, heartbeatMs, lookEveryMs } = options;
  const heardAtMs = new Map<string, number>();
  let lookedAtMs: number | undefined;

  function shift(byMs: number, nowMs: number): void {
    for (const [id, atMs] of heardAtMs) heardAtMs.set(id, Math.min(nowMs, atMs + byMs));
  }

  return {
    renew: (id, nowMs) => void heardAtMs.set(id, nowMs),
    holds: (id, nowMs) => nowMs < (heardAtMs.get(id) ?? -Infinity) + leaseMs,
    end: (id) => void heardAtMs.delete(id),
    expired(nowMs) {
      const lateMs = lookedAtMs === undefined ? 0 : nowMs - lookedAtMs - lookEveryMs;
      if (lateMs >= stillMsMin) shift(lateMs, nowMs);
      lookedAtMs = nowMs;
      return [...heardAtMs].filter(([, atMs]) => nowMs >= atMs + leaseMs).map(([id]) => id);
    },
    lagMs(nowMs) {
      let lag = 0;
      for (const atMs of heardAtMs.values()) {
        const since = nowMs - atMs;
        if (since < leaseMs) lag = Math.max(lag, since - heartbeatMs);
      }
      return lag;
    },
    get size() {
      return heardAtMs.size;
    },
  };
}
