import type { DataPlane } from "@weir/api/snapshots";
import type { WatchReleaseResponse } from "@weir/api/releases";
import type { WatchTrafficResponse } from "@weir/api/traffic";

/** Requests of the last ten seconds below which the observed weight says nothing. */
export const observedMin = 20;

/** Whether data planes hold what was asked for. */
export type Acknowledgement =
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly count: number; readonly total: number }
  | { readonly kind: "waiting"; readonly count: number; readonly total: number }
  | { readonly kind: "agrees"; readonly count: number; readonly total: number };

/** Whether the traffic shows what was asked for. `points` is observed minus desired, as a ratio. */
export type Observation =
  | { readonly kind: "unknown"; readonly requests: number }
  | { readonly kind: "settling"; readonly requests: number }
  | { readonly kind: "agrees"; readonly requests: number; readonly points: number }
  | { readonly kind: "differs"; readonly requests: number; readonly points: number };

/** What the data planes say of the desired weight. Only connected ones count; a refusal of any of them is told first. */
export function acknowledgementOf(view: WatchReleaseResponse): Acknowledgement {
  const [count, total] = [view.acknowledgedCount, view.dataPlaneCount];
  if (total === 0) return { kind: "none" };
  if (refusingPlanes(view.dataPlanes).length > 0) return { kind: "refused", count, total };
  const same = count === total && view.acknowledgedWeight === (view.release?.newWeight ?? 0);
  return { kind: same ? "agrees" : "waiting", count, total };
}

/** Connected data planes that refused a part of the Snapshot they hold. */
export function refusingPlanes(planes: readonly DataPlane[]): DataPlane[] {
  return planes.filter((plane) => plane.connected && plane.refusals.length > 0);
}

/**
 * Compares observed and desired weight. They agree when the difference is within three standard errors of the share
 * and two points: weights count users, and users do not ask equally often.
 */
export function observationOf(
  desired: number,
  options: { readonly traffic: Pick<WatchTrafficResponse, "observedWeight" | "observedRequests"> | undefined; readonly settling: boolean },
): Observation {
  const { traffic, settling } = options;
  const requests = traffic?.observedRequests ?? 0;
  if (!traffic || requests < observedMin) return { kind: "unknown", requests };
  const share = desired / 10000;
  const points = (traffic.observedWeight - desired) / 10000;
  const tolerance = 3 * Math.sqrt((share * (1 - share)) / requests) + 0.02;
  if (Math.abs(points) <= tolerance) return { kind: "agrees", requests, points };
  return settling ? { kind: "settling", requests } : { kind: "differs", requests, points };
}

/** One sentence's worth of the release: what an operator must know first. Worst first. */
export type Standing =
  | { readonly kind: "lost" }
  | { readonly kind: "no_planes" }
  | { readonly kind: "refused"; readonly planes: readonly string[] }
  | { readonly kind: "waiting"; readonly missing: number; readonly total: number }
  | { readonly kind: "differs"; readonly points: number }
  | { readonly kind: "no_release" }
  | { readonly kind: "unseen" }
  | { readonly kind: "agrees" };

/** Where the release stands. `live` says whether what is shown is fresh. */
export function standingOf(
  view: WatchReleaseResponse,
  options: { readonly traffic: WatchTrafficResponse | undefined; readonly live: boolean; readonly settling: boolean },
): Standing {
  const acknowledged = acknowledgementOf(view);
  const observed = observationOf(view.release?.newWeight ?? 0, options);
  if (!options.live) return { kind: "lost" };
  if (acknowledged.kind === "none") return { kind: "no_planes" };
  if (acknowledged.kind === "refused") return { kind: "refused", planes: refusingPlanes(view.dataPlanes).map((plane) => plane.name) };
  if (acknowledged.kind === "waiting")
    return { kind: "waiting", missing: acknowledged.total - acknowledged.count, total: acknowledged.total };
  if (!view.release?.newVersion) return { kind: "no_release" };
  if (observed.kind === "differs") return { kind: "differs", points: observed.points };
  return { kind: observed.kind === "agrees" ? "agrees" : "unseen" };
}

/** Whether every connected data plane holds the present weight, with or without refusals elsewhere. */
export function isHeldByAll(view: WatchReleaseResponse): boolean {
  return view.dataPlaneCount > 0 && view.acknowledgedCount === view.dataPlaneCount;
}

/** Whether the ten seconds that "observed" covers still hold requests from before the last change of weight. */
export function isSettling(view: WatchReleaseResponse, nowMs: number): boolean {
  return nowMs - Number(view.release?.changedAtMs ?? 0n) < 12_000;
}
