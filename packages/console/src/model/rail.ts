import type { Fault } from "@weir/kit/fault";
import type { Release } from "@weir/api/releases";

/** Milliseconds in which a change can be taken back by one press. */
export const undoMs = 10_000;

/** Weights at which a move usually stops, of 10000. */
export const stops: readonly number[] = [0, 500, 2000, 5000, 10000];

/** What the operator wants but has not sent. `base` is the release it was made against. */
export interface Proposal {
  readonly weight: number;
  readonly base: Release;
  /** Set when somebody else moved the release meanwhile: the release as it then was. */
  readonly movedBy: Release | undefined;
  readonly fault: Fault | undefined;
}

/** A change that was made here. Times are monotonic. */
export interface Commit {
  readonly from: number;
  readonly to: number;
  readonly revision: bigint;
  readonly kind: "move" | "stable" | "undo";
  readonly reason: string;
  readonly sentMs: number;
  readonly answeredMs: number;
  /** When every connected data plane had acknowledged it; undefined until then. */
  readonly acknowledgedMs: number | undefined;
}

/** Everything the rail knows. `reason` outlives conflicts, faults and the proposal it was typed for. */
export interface RailState {
  readonly proposal: Proposal | undefined;
  readonly reason: string;
  readonly sending: Commit["kind"] | undefined;
  readonly commit: Commit | undefined;
  /** Why a press of stable or undo failed; a proposal keeps its own. */
  readonly fault: Fault | undefined;
}

/** What can happen to the rail. */
export type RailEvent =
  | { readonly kind: "proposed"; readonly weight: number; readonly release: Release }
  | { readonly kind: "reasoned"; readonly reason: string }
  | { readonly kind: "discarded" }
  | { readonly kind: "rebased"; readonly release: Release }
  | { readonly kind: "sending"; readonly what: Commit["kind"] }
  | { readonly kind: "committed"; readonly commit: Commit }
  | { readonly kind: "refused"; readonly what: Commit["kind"]; readonly fault: Fault }
  | { readonly kind: "seen"; readonly release: Release; readonly acknowledged: boolean; readonly atMs: number }
  | { readonly kind: "dismissed" };

/** Nothing proposed, nothing done. */
export const railAtRest: RailState = { proposal: undefined, reason: "", sending: undefined, commit: undefined, fault: undefined };

/** The state after an event. */
export function railAfter(state: RailState, event: RailEvent): RailState {
  switch (event.kind) {
    case "proposed":
      return proposed(state, event.weight, event.release);
    case "reasoned":
      return { ...state, reason: event.reason };
    case "discarded":
      return { ...state, proposal: undefined, reason: "" };
    case "rebased":
      return state.proposal ? proposed({ ...state, proposal: undefined }, state.proposal.weight, event.release) : state;
    case "sending":
      return { ...state, sending: event.what, fault: undefined };
    case "committed":
      return committed(state, event.commit);
    case "refused":
      return refused(state, event.what, event.fault);
    case "seen":
      return seen(state, event);
    case "dismissed":
      return { ...state, commit: undefined, fault: undefined };
  }
}

/** Whether the change can still be taken back by one press. */
export function canUndo(commit: Commit | undefined, nowMs: number): boolean {
  return commit !== undefined && commit.kind !== "undo" && commit.from !== commit.to && nowMs - commit.answeredMs < undoMs;
}

/** Weight after a key on the rail, or undefined when the key means nothing there. Weights stay whole percents where they were. */
export function weightAfterKey(weight: number, key: { readonly key: string; readonly shiftKey: boolean }): number | undefined {
  const step = key.shiftKey ? 500 : 100;
  const by: Readonly<Record<string, number>> = {
    ArrowRight: step,
    ArrowUp: step,
    ArrowLeft: -step,
    ArrowDown: -step,
    PageUp: 1000,
    PageDown: -1000,
    Home: -10000,
    End: 10000,
  };
  const change = by[key.key];
  return change === undefined ? undefined : Math.min(10000, Math.max(0, weight + change));
}

/** Weight at a place of the rail, 0 to 1 from its left end: whole percents. */
export function weightAt(place: number): number {
  return Math.round(Math.min(1, Math.max(0, place)) * 100) * 100;
}

function proposed(state: RailState, weight: number, release: Release): RailState {
  const base = state.proposal?.base ?? release;
  if (weight === base.newWeight && state.proposal?.movedBy === undefined) return { ...state, proposal: undefined };
  return { ...state, proposal: { weight, base, movedBy: state.proposal?.movedBy, fault: undefined } };
}

function committed(state: RailState, commit: Commit): RailState {
  return { proposal: undefined, reason: "", sending: undefined, commit, fault: undefined };
}

function refused(state: RailState, what: Commit["kind"], fault: Fault): RailState {
  if (what !== "move" || !state.proposal) return { ...state, sending: undefined, fault };
  return { ...state, sending: undefined, proposal: { ...state.proposal, fault } };
}

/** Takes note of the release as control shows it: was it moved under a proposal, has everybody got our change? */
function seen(state: RailState, event: Extract<RailEvent, { kind: "seen" }>): RailState {
  const { release } = event;
  const commit = state.commit;
  const arrived = commit && commit.acknowledgedMs === undefined && event.acknowledged && release.revision >= commit.revision;
  const base = state.proposal?.base;
  const moved = base && state.sending === undefined && (release.revision !== base.revision || release.newVersion !== base.newVersion);
  const news = moved && state.proposal?.movedBy?.revision !== release.revision;
  if (!arrived && !news) return state;
  return {
    ...state,
    commit: arrived ? { ...commit, acknowledgedMs: event.atMs } : commit,
    proposal: news && state.proposal ? { ...state.proposal, movedBy: release } : state.proposal,
  };
}
