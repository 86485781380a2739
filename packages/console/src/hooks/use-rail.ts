import { useEffect, useReducer } from "preact/hooks";
import { faultFrom } from "@weir/kit/fault";
import type { Release } from "@weir/api/releases";
import type { ConsoleClient } from "../client.ts";
import { isHeldByAll } from "../model/agreement.ts";
import type { Heard } from "../model/live.ts";
import type { WatchReleaseResponse } from "@weir/api/releases";
import type { Commit, RailEvent, RailState } from "../model/rail.ts";
import { railAfter, railAtRest } from "../model/rail.ts";

/** What one can do with the rail, and how it stands. */
export interface RailControl {
  readonly state: RailState;
  readonly propose: (weight: number) => void;
  readonly setReason: (reason: string) => void;
  readonly discard: () => void;
  /** Makes the proposal against the release as it is now, after somebody else moved it. */
  readonly rebase: () => void;
  readonly commit: () => void;
  /** Sets the new version to 0, whatever revision the release is at. */
  readonly stable: (reason: string) => void;
  /** Restores the weight before the last change, if nobody has changed it since. */
  readonly undo: (reason: string) => void;
  readonly dismiss: () => void;
}

/** What `useRail` needs. */
export interface RailOptions {
  readonly client: ConsoleClient;
  readonly release: Heard<WatchReleaseResponse> | undefined;
  /** Runs after every try to change something, done or refused: the audit has a new entry. */
  readonly onTried: () => void;
}

interface Change {
  readonly kind: Commit["kind"];
  readonly release: Release;
  readonly weight: number;
  readonly reason: string;
  readonly expectedRevision: bigint;
}

/** The rail's state, with the actions that send it to control. */
export function useRail(options: RailOptions): RailControl {
  const { client, onTried } = options;
  const view = options.release?.message;
  const release = view?.release;
  const [state, dispatch] = useReducer(railAfter, railAtRest);
  useEffect(() => {
    if (!view?.release) return;
    dispatch({ kind: "seen", release: view.release, acknowledged: isHeldByAll(view), atMs: performance.now() });
  }, [view, state.commit?.revision, state.sending]);
  const send = (change: Change): void => void sendChange(client, change, dispatch).then(onTried);
  return {
    state,
    propose: (weight) => release && dispatch({ kind: "proposed", weight, release }),
    setReason: (reason) => dispatch({ kind: "reasoned", reason }),
    discard: () => dispatch({ kind: "discarded" }),
    rebase: () => release && dispatch({ kind: "rebased", release }),
    commit() {
      const { proposal, reason } = state;
      if (!proposal || proposal.movedBy || state.sending || reason.trim() === "") return;
      send({
        kind: "move",
        release: proposal.base,
        weight: proposal.weight,
        reason: reason.trim(),
        expectedRevision: proposal.base.revision,
      });
    },
    stable(reason) {
      if (release?.newVersion && !state.sending) send({ kind: "stable", release, weight: 0, reason, expectedRevision: 0n });
    },
    undo(reason) {
      const { commit } = state;
      if (!release || !commit || state.sending) return;
      send({ kind: "undo", release, weight: commit.from, reason, expectedRevision: commit.revision });
    },
    dismiss: () => dispatch({ kind: "dismissed" }),
  };
}

async function sendChange(client: ConsoleClient, change: Change, dispatch: (event: RailEvent) => void): Promise<void> {
  const { kind, release, weight, reason, expectedRevision } = change;
  const sentMs = performance.now();
  dispatch({ kind: "sending", what: kind });
  try {
    const shares = [
      { version: release.newVersion, weight },
      { version: release.stableVersion, weight: 10000 - weight },
    ];
    const answer = await client.releases.setWeights({ service: release.service, shares, reason, expectedRevision });
    const revision = answer.release?.revision ?? 0n;
    const answeredMs = performance.now();
    const commit = { from: release.newWeight, to: weight, revision, kind, reason, sentMs, answeredMs, acknowledgedMs: undefined };
    dispatch({ kind: "committed", commit });
  } catch (thrown) {
    dispatch({ kind: "refused", what: kind, fault: faultFrom(thrown) });
  }
}
