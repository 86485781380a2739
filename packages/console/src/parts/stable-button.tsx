import type { JSX, TargetedSubmitEvent } from "preact";
import { useState } from "preact/hooks";
import type { Release } from "@weir/api/releases";
import { useWords } from "../context.ts";
import type { RailControl } from "../hooks/use-rail.ts";
import { Glyph } from "./glyph.tsx";
import { reasonLengthMax } from "./proposal-form.tsx";

/** What the stable button needs. */
export interface StableButtonProps {
  readonly release: Release | undefined;
  readonly control: RailControl;
  /** Why it cannot be pressed, in words; undefined when it can. */
  readonly hindrance: string | undefined;
}

/** One press takes every user back to stable. It asks nothing; whoever has the time may add a reason first. */
export function StableButton(props: StableButtonProps): JSX.Element {
  const { release, control } = props;
  const words = useWords();
  const [reason, setReason] = useState("");
  const [open, setOpen] = useState(false);
  const nothing = !release?.newVersion ? words.say("stable.none") : undefined;
  const hindrance = props.hindrance ?? nothing;
  const sending = control.state.sending === "stable";
  const press = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (hindrance !== undefined || sending) return;
    control.stable(reason.trim() || words.say("stable.defaultReason"));
    setReason("");
    setOpen(false);
  };
  return (
    <form class="stable" onSubmit={press}>
      {open ? (
        <input
          class="stable-reason"
          type="text"
          value={reason}
          maxLength={reasonLengthMax}
          autocomplete="off"
          aria-label={words.say("stable.reason")}
          placeholder={words.say("stable.reason")}
          ref={(element) => element?.focus()}
          onInput={(event) => setReason(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
          onBlur={() => reason === "" && setOpen(false)}
        />
      ) : (
        <button type="button" class="button quiet stable-toggle" disabled={hindrance !== undefined} onClick={() => setOpen(true)}>
          {words.say("stable.reasonToggle")}
        </button>
      )}
      <button type="submit" class="button strong" aria-disabled={hindrance !== undefined || sending} title={hindrance}>
        <Glyph name="back" />
        <span class="stable-words">
          <b>{words.say(sending ? "stable.sending" : "stable.button")}</b>
          <span class="stable-detail">{nothing ?? words.say("stable.detail", { version: release?.stableVersion ?? "" })}</span>
        </span>
      </button>
      {props.hindrance && <p class="hidden">{props.hindrance}</p>}
    </form>
  );
}
