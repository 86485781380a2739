import type { JSX, RefObject, TargetedKeyboardEvent, TargetedPointerEvent } from "preact";
import { useRef } from "preact/hooks";
import type { Release } from "@weir/api/releases";
import { useWords } from "../context.ts";
import type { RailControl } from "../hooks/use-rail.ts";
import { stops, weightAfterKey, weightAt } from "../model/rail.ts";
import { Glyph } from "./glyph.tsx";

/** What the rail shows beside the state of its control. */
export interface RailProps {
  readonly release: Release;
  readonly control: RailControl;
  /** Why it cannot be moved, in words; undefined when it can. */
  readonly hindrance: string | undefined;
  /** The thumb, so that the focus can come back to it. */
  readonly thumb: RefObject<HTMLDivElement | null>;
  /** Runs on Enter: the proposal wants its reason, or to be committed. */
  readonly onEnter: () => void;
}

/** The weight rail: dragged or moved by keyboard, it makes a proposal and changes nothing by itself. */
export function Rail(props: RailProps): JSX.Element {
  const { release, control, hindrance } = props;
  const words = useWords();
  const now = shownWeight(release, control);
  const proposed = control.state.proposal?.weight;
  const weight = proposed ?? now;
  const disabled = hindrance !== undefined;
  return (
    <div class="rail" data-disabled={disabled} data-proposed={proposed !== undefined}>
      <div class="rail-ends">
        <span class="rail-end" data-version="new">
          {words.say("rail.new", { version: release.newVersion })} <b>{words.share(weight)}</b>
        </span>
        <span class="rail-end" data-version="stable">
          {words.say("rail.stable", { version: release.stableVersion })} <b>{words.share(10000 - weight)}</b>
        </span>
      </div>
      <Track {...props} now={now} weight={weight} proposed={proposed} disabled={disabled} />
      <div class="rail-stops">
        {stops.map((stop) => (
          <button
            type="button"
            key={stop}
            class="rail-stop"
            style={{ left: `${stop / 100}%` }}
            disabled={disabled}
            aria-pressed={weight === stop}
            aria-label={words.say("rail.stop", { share: words.share(stop) })}
            onClick={() => control.propose(stop)}
          >
            {stop / 100}
          </button>
        ))}
      </div>
      <p class="rail-hint" id="rail-hint">
        {hindrance ? (
          <>
            <Glyph name="eye" /> {hindrance}
          </>
        ) : (
          words.say("rail.hint")
        )}
      </p>
    </div>
  );
}

/** The weight that holds: what control said last, or what it has just answered us. */
function shownWeight(release: Release, control: RailControl): number {
  const commit = control.state.commit;
  return commit && commit.revision > release.revision ? commit.to : release.newWeight;
}

interface TrackProps extends RailProps {
  readonly now: number;
  readonly weight: number;
  readonly proposed: number | undefined;
  readonly disabled: boolean;
}

function Track(props: TrackProps): JSX.Element {
  const { now, weight, proposed, disabled, control } = props;
  const words = useWords();
  const track = useRef<HTMLDivElement>(null);
  const dragging = useRef(false);
  const proposeAt = (event: PointerEvent): void => {
    const box = track.current?.getBoundingClientRect();
    if (box && box.width > 0) control.propose(weightAt((event.clientX - box.left) / box.width));
  };
  const down = (event: TargetedPointerEvent<HTMLDivElement>): void => {
    if (disabled || event.button !== 0) return;
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    dragging.current = true;
    props.thumb.current?.focus({ preventScroll: true });
    proposeAt(event);
  };
  return (
    <div
      class="rail-reach"
      ref={track}
      onPointerDown={down}
      onPointerMove={(event) => dragging.current && proposeAt(event)}
      onPointerUp={() => (dragging.current = false)}
      onPointerCancel={() => (dragging.current = false)}
    >
      <div class="rail-track">
        <div class="rail-inner">
          {Math.min(now, weight) > 0 && <div class="rail-fill" style={{ width: `${Math.min(now, weight) / 100}%` }} />}
          {proposed !== undefined && (
            <div
              class="rail-change"
              data-direction={proposed > now ? "gain" : "lose"}
              style={{ left: `${Math.min(now, weight) / 100}%`, width: `${Math.abs(weight - now) / 100}%` }}
            />
          )}
        </div>
      </div>
      {proposed !== undefined && (
        <div class="rail-now" style={{ left: `${now / 100}%` }} title={words.say("rail.now", { share: words.share(now) })} />
      )}
      <Thumb {...props} />
    </div>
  );
}

function Thumb(props: TrackProps): JSX.Element {
  const { now, weight, proposed, disabled, control, release } = props;
  const words = useWords();
  const said = { share: words.share(weight), n: weight, now: words.share(now) };
  const press = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    if (disabled) return;
    const next = weightAfterKey(weight, event);
    if (next !== undefined) control.propose(next);
    else if (event.key === "Escape") control.discard();
    else if (event.key === "Enter") props.onEnter();
    else return;
    event.preventDefault();
  };
  return (
    <div
      class="rail-thumb"
      ref={props.thumb}
      role="slider"
      tabIndex={0}
      style={{ left: `${weight / 100}%` }}
      aria-label={words.say("rail.label", { version: release.newVersion })}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={weight / 100}
      aria-valuetext={words.say(proposed === undefined ? "rail.value" : "rail.valueProposed", said)}
      aria-disabled={disabled}
      aria-describedby="rail-hint"
      onKeyDown={press}
    />
  );
}
