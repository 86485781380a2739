import type { WatchReleaseResponse } from "@weir/api/releases";
import type { LiveState } from "./live.ts";
import { serverNowMs } from "./live.ts";

/** Ages above which a source is late, and above which it is stale. */
export const ageLimitsMs = { late: 5000, stale: 15000 } as const;

/** "never" when nothing was heard, "off" when a data plane's subscription is closed. */
export type Freshness = "fresh" | "late" | "stale" | "never" | "off";

/** One source of what the page shows. */
export interface FreshSource {
  readonly kind: "control" | "traffic" | "plane" | "registry";
  /** Name of the data plane; "" for the others. */
  readonly name: string;
  /** Undefined when nothing was ever heard. */
  readonly ageMs: number | undefined;
  readonly freshness: Freshness;
  /** Revision that a data plane holds. */
  readonly revision: bigint | undefined;
  /** Set while the registry knows nobody: since when it serves the last endpoints it knew, by the server's clock. */
  readonly emptySinceMs: number | undefined;
}

/** How fresh an age is. */
export function freshnessOf(ageMs: number | undefined): Freshness {
  if (ageMs === undefined) return "never";
  return ageMs > ageLimitsMs.stale ? "stale" : ageMs > ageLimitsMs.late ? "late" : "fresh";
}

/** Every source with its age now. Ages of what control reports keep growing when control falls silent. */
export function sourcesOf(state: LiveState, monotonicMs: number): FreshSource[] {
  const release = state.release;
  const control = sourceOf("control", release && monotonicMs - release.heardMs);
  const traffic = state.traffic;
  const reportMs = Number(traffic?.message.newestReportAtMs ?? 0n);
  const reports = sourceOf("traffic", traffic && reportMs > 0 ? serverNowMs(traffic, monotonicMs) - reportMs : undefined);
  if (!release) return [control, reports];
  const nowMs = serverNowMs(release, monotonicMs);
  return [control, reports, ...planeSources(release.message, nowMs), registrySource(release.message, nowMs)];
}

function sourceOf(kind: FreshSource["kind"], ageMs: number | undefined): FreshSource {
  const age = ageMs === undefined ? undefined : Math.max(0, ageMs);
  return { kind, name: "", ageMs: age, freshness: freshnessOf(age), revision: undefined, emptySinceMs: undefined };
}

function planeSources(view: WatchReleaseResponse, nowMs: number): FreshSource[] {
  return view.dataPlanes.map((plane) => {
    const source = sourceOf("plane", plane.lastHeardAtMs === 0n ? undefined : nowMs - Number(plane.lastHeardAtMs));
    return { ...source, name: plane.name, revision: plane.acknowledgedRevision, freshness: plane.connected ? source.freshness : "off" };
  });
}

/** The registry is as fresh as its newest heartbeat. */
function registrySource(view: WatchReleaseResponse, nowMs: number): FreshSource {
  const newest = view.instances.reduce((latest, one) => Math.max(latest, Number(one.lastHeardAtMs)), 0);
  const source = sourceOf("registry", newest === 0 ? undefined : nowMs - newest);
  return { ...source, emptySinceMs: view.registryEmpty ? Number(view.registryChangedAtMs) : undefined };
}
