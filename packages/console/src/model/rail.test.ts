import assert from "node:assert/strict";
import { test } from "node:test";
import { fault } from "@weir/kit/fault";
import { Release } from "@weir/api/releases";
import type { Commit, RailEvent, RailState } from "./rail.ts";
import { canUndo, railAfter, railAtRest, undoMs, weightAfterKey, weightAt } from "./rail.ts";

const release = Release.create({ service: "feed", stableVersion: "v1", newVersion: "v2", newWeight: 500, revision: 7n });
const moved = Release.create({ ...release, newWeight: 1000, revision: 8n, changedBy: "operator-1", reason: "errors" });
const commit: Commit = {
  from: 500,
  to: 2000,
  revision: 8n,
  kind: "move",
  reason: "fine",
  sentMs: 100,
  answeredMs: 120,
  acknowledgedMs: undefined,
};

function after(...events: RailEvent[]): RailState {
  return events.reduce(railAfter, railAtRest);
}

test("proposal keeps the release it was made against while it is dragged on", () => {
  const state = after({ kind: "proposed", weight: 1000, release }, { kind: "proposed", weight: 2000, release: moved });
  assert.equal(state.proposal?.weight, 2000);
  assert.equal(state.proposal?.base.revision, 7n);
});

test("proposal of the weight that holds is none", () => {
  assert.equal(after({ kind: "proposed", weight: 2000, release }, { kind: "proposed", weight: 500, release }).proposal, undefined);
});

test("proposal and reason survive when somebody else moves the release", () => {
  const proposed = after({ kind: "proposed", weight: 2000, release }, { kind: "reasoned", reason: "looks good" });
  const state = railAfter(proposed, { kind: "seen", release: moved, acknowledged: true, atMs: 1 });
  assert.equal(state.proposal?.movedBy?.changedBy, "operator-1");
  assert.deepEqual([state.proposal?.weight, state.reason], [2000, "looks good"]);
  const rebased = railAfter(state, { kind: "rebased", release: moved });
  assert.deepEqual([rebased.proposal?.base.revision, rebased.proposal?.movedBy, rebased.reason], [8n, undefined, "looks good"]);
});

test("proposal is not called moved by what it did itself while it is being sent", () => {
  const sending = after({ kind: "proposed", weight: 2000, release }, { kind: "sending", what: "move" });
  assert.equal(railAfter(sending, { kind: "seen", release: moved, acknowledged: false, atMs: 1 }).proposal?.movedBy, undefined);
});

test("proposal stays with its reason and the fault when control refuses it", () => {
  const refusal = fault({ reason: "RELEASE_CHANGED", code: "ABORTED" }, "Expected revision 7, found 8.");
  const state = after(
    { kind: "proposed", weight: 2000, release },
    { kind: "reasoned", reason: "looks good" },
    { kind: "sending", what: "move" },
    { kind: "refused", what: "move", fault: refusal },
  );
  assert.deepEqual(
    [state.proposal?.fault?.reason, state.reason, state.sending, state.fault],
    ["RELEASE_CHANGED", "looks good", undefined, undefined],
  );
});

test("commit clears the proposal and waits for the acknowledgement of its own revision", () => {
  const state = after({ kind: "proposed", weight: 2000, release }, { kind: "sending", what: "move" }, { kind: "committed", commit });
  assert.deepEqual([state.proposal, state.reason, state.sending], [undefined, "", undefined]);
  const early = railAfter(state, { kind: "seen", release, acknowledged: true, atMs: 130 });
  assert.equal(early.commit?.acknowledgedMs, undefined, "the old revision was acknowledged, not this one");
  const waiting = railAfter(early, { kind: "seen", release: moved, acknowledged: false, atMs: 140 });
  assert.equal(waiting.commit?.acknowledgedMs, undefined);
  const done = railAfter(waiting, { kind: "seen", release: moved, acknowledged: true, atMs: 150 });
  assert.equal(done.commit?.acknowledgedMs, 150);
  assert.equal(railAfter(done, { kind: "seen", release: moved, acknowledged: true, atMs: 190 }).commit?.acknowledgedMs, 150);
});

test("undo is offered for ten seconds, not for an undo and not where nothing moved", () => {
  assert.equal(canUndo(commit, commit.answeredMs + undoMs - 1), true);
  assert.equal(canUndo(commit, commit.answeredMs + undoMs), false);
  assert.equal(canUndo({ ...commit, kind: "stable" }, commit.answeredMs), true);
  assert.equal(canUndo({ ...commit, kind: "undo" }, commit.answeredMs), false);
  assert.equal(canUndo({ ...commit, to: commit.from }, commit.answeredMs), false);
  assert.equal(canUndo(undefined, 0), false);
});

test("keys move the weight by one, five and ten percent, and to the ends", () => {
  const press = (key: string, shiftKey = false, weight = 2000): number | undefined => weightAfterKey(weight, { key, shiftKey });
  assert.deepEqual([press("ArrowRight"), press("ArrowUp"), press("ArrowLeft"), press("ArrowDown")], [2100, 2100, 1900, 1900]);
  assert.deepEqual([press("ArrowRight", true), press("ArrowLeft", true)], [2500, 1500]);
  assert.deepEqual([press("PageUp"), press("PageDown"), press("Home"), press("End")], [3000, 1000, 0, 10000]);
  assert.deepEqual([press("ArrowLeft", false, 50), press("PageUp", false, 9500)], [0, 10000]);
  assert.equal(press("a"), undefined);
});

test("places on the rail are whole percents between its ends", () => {
  assert.deepEqual([-1, 0, 0.204, 0.996, 2].map(weightAt), [0, 0, 2000, 10000, 10000]);
});
