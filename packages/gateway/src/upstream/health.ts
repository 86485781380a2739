import type { Clock } from "@weir/kit/clock";

/** When an endpoint is left out, and for how long. */
export interface HealthPolicy {
  /** Failures in a row that eject. Default 3. */
  readonly failuresInRow: number;
  /** Share of failures in a window that ejects, once the window holds `requestsMin`. Default 0.5 of at least 20. */
  readonly failureRatio: number;
  readonly requestsMin: number;
  /** Width of the window. Default 10 s. */
  readonly windowMs: number;
  /** The first ejection; each further one is twice as long, up to `ejectionMsMax`. Default 1 s and 30 s, jittered by a fifth. */
  readonly ejectionMs: number;
  readonly ejectionMsMax: number;
  /**
   * Share of a cluster that may be ejected for bad answers (502, 503, 504, time-outs). Default 0.5. Endpoints that cannot
   * be connected to or reset are ejected without this floor: asking them is certain to fail.
   */
  readonly ejectedShareMax: number;
}

/** The defaults of HealthPolicy. */
export const healthPolicy: HealthPolicy = {
  failuresInRow: 3,
  failureRatio: 0.5,
  requestsMin: 20,
  windowMs: 10_000,
  ejectionMs: 1000,
  ejectionMsMax: 30_000,
  ejectedShareMax: 0.5,
};

const jitterShare = 0.2;

/** What requests have shown about one endpoint. Kept across Snapshots as long as the endpoint is in one. */
export interface Health {
  /** "probing": the ejection is over and one request is on its way to find out. */
  state: "healthy" | "ejected" | "probing";
  ejectedUntilMs: number;
  /** Ejections since it last stayed healthy for `ejectionMsMax`; how often the next one is doubled. */
  ejections: number;
  returnedAtMs: number;
  failuresInRow: number;
  windowFromMs: number;
  answered: number;
  failed: number;
}

/** Health of an endpoint that nothing is known about: healthy. */
export function createHealth(): Health {
  return {
    state: "healthy",
    ejectedUntilMs: 0,
    ejections: 0,
    returnedAtMs: -Infinity,
    failuresInRow: 0,
    windowFromMs: 0,
    answered: 0,
    failed: 0,
  };
}

/** Whether an ejection is over, so that one request may go and see. */
export function isProbeDue(health: Health, nowMs: number): boolean {
  return health.state === "ejected" && nowMs >= health.ejectedUntilMs;
}

/** An answer that speaks for the endpoint. */
export function recordAnswered(health: Health, nowMs: number, policy: HealthPolicy): void {
  if (health.state === "ejected") return; // Began before the ejection; a probe will tell.
  if (health.state === "probing") {
    health.state = "healthy";
    health.returnedAtMs = nowMs;
    openWindow(health, nowMs);
  }
  if (nowMs - health.windowFromMs >= policy.windowMs) openWindow(health, nowMs);
  health.failuresInRow = 0;
  health.answered++;
}

/** What a failure is judged by. `mayEject` says whether the floor of the cluster allows one more. */
export interface FailureContext {
  readonly clock: Clock;
  readonly policy: HealthPolicy;
  readonly mayEject: boolean;
}

/** A failure that speaks against the endpoint. Answers whether it has been ejected by it. */
export function recordFailed(health: Health, context: FailureContext): boolean {
  const { clock, policy } = context;
  const nowMs = clock.monotonicMs();
  if (health.state === "ejected") return false;
  if (health.state === "probing") return eject(health, nowMs, context);
  if (nowMs - health.windowFromMs >= policy.windowMs) openWindow(health, nowMs);
  health.failuresInRow++;
  health.failed++;
  const asked = health.answered + health.failed;
  const tooMany = asked >= policy.requestsMin && health.failed >= asked * policy.failureRatio;
  if (health.failuresInRow < policy.failuresInRow && !tooMany) return false;
  return context.mayEject && eject(health, nowMs, context);
}

/** A probe that ended without a verdict (the client went away): the next request may probe again. */
export function releaseProbe(health: Health): void {
  if (health.state === "probing") health.state = "ejected";
}

function eject(health: Health, nowMs: number, { clock, policy }: FailureContext): boolean {
  if (health.state === "healthy" && nowMs - health.returnedAtMs >= policy.ejectionMsMax) health.ejections = 0;
  const durationMs = Math.min(policy.ejectionMs * 2 ** Math.min(health.ejections, 30), policy.ejectionMsMax);
  health.state = "ejected";
  health.ejections++;
  health.ejectedUntilMs = nowMs + durationMs * (1 + jitterShare * (2 * clock.random() - 1));
  openWindow(health, nowMs);
  return true;
}

function openWindow(health: Health, nowMs: number): void {
  health.windowFromMs = nowMs;
  health.answered = 0;
  health.failed = 0;
  health.failuresInRow = 0;
}
