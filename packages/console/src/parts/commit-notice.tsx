import type { JSX } from "preact";
import type { WatchReleaseResponse } from "@weir/api/releases";
import { useWords } from "../context.ts";
import type { Commit } from "../model/rail.ts";
import { canUndo, undoMs } from "../model/rail.ts";
import type { RailControl } from "../hooks/use-rail.ts";
import { faultText } from "./fault-text.ts";
import { Glyph } from "./glyph.tsx";
import { useNow } from "../hooks/use-now.ts";

/** What the notice shows and does. */
export interface NoticeProps {
  readonly control: RailControl;
  readonly view: WatchReleaseResponse;
}

/** What came of the last change: done, acknowledged after how long, and ten seconds to take it back. */
export function CommitNotice(props: NoticeProps): JSX.Element | null {
  const { commit, fault } = props.control.state;
  return commit || fault ? <Notice {...props} /> : null;
}

function Notice(props: NoticeProps): JSX.Element {
  const { control, view } = props;
  const { commit, fault } = control.state;
  const words = useWords();
  const nowMs = useNow(250);
  const superseded = commit !== undefined && (view.release?.revision ?? 0n) > commit.revision;
  return (
    <div class="notice" data-tone={fault ? "bad" : "good"}>
      <Glyph name={fault ? "warning" : commit?.acknowledgedMs === undefined ? "wait" : "check"} />
      <p class="notice-text" role="status">
        {fault
          ? words.say("commit.failed", { message: faultText(fault, words) })
          : commit && <Result commit={commit} view={view} superseded={superseded} />}
      </p>
      <div class="notice-actions">
        {commit && !superseded && canUndo(commit, nowMs) && (
          <button
            type="button"
            class="button"
            disabled={control.state.sending !== undefined}
            onClick={() => control.undo(words.say("commit.undoReason", { reason: commit.reason }))}
          >
            <Glyph name="back" />
            {words.say("commit.undoButton", { seconds: Math.ceil((undoMs - (nowMs - commit.answeredMs)) / 1000) })}
          </button>
        )}
        <button type="button" class="button quiet" onClick={control.dismiss} aria-label={words.say("commit.dismiss")}>
          <Glyph name="cross" />
        </button>
      </div>
    </div>
  );
}

function Result(props: { readonly commit: Commit; readonly view: WatchReleaseResponse; readonly superseded: boolean }): JSX.Element {
  const { commit, view } = props;
  const words = useWords();
  const said = { from: words.share(commit.from), to: words.share(commit.to), version: view.release?.stableVersion ?? "" };
  const pending = { count: view.acknowledgedCount, total: view.dataPlaneCount };
  const waited = commit.acknowledgedMs === undefined ? undefined : words.duration(commit.acknowledgedMs - commit.sentMs);
  const arrived =
    waited === undefined
      ? words.say("commit.pending", pending)
      : words.say("commit.acknowledged", { n: view.dataPlaneCount, time: waited });
  return (
    <>
      <b>{words.say(`commit.${commit.kind}`, said)}</b> {props.superseded ? words.say("commit.superseded") : arrived}
    </>
  );
}
