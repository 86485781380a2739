import type { JSX, RefObject, TargetedKeyboardEvent, TargetedSubmitEvent } from "preact";
import type { Release } from "@weir/api/releases";
import { useWords } from "../context.ts";
import type { Exposure } from "../model/exposure.ts";
import type { Proposal } from "../model/rail.ts";
import type { RailControl } from "../hooks/use-rail.ts";
import { faultText } from "./fault-text.ts";
import { Glyph } from "./glyph.tsx";

/** What the form shows and does. */
export interface ProposalFormProps {
  readonly proposal: Proposal;
  readonly release: Release;
  readonly exposure: Exposure;
  /** Instances of the new version that take requests. */
  readonly instances: number;
  readonly control: RailControl;
  readonly field: RefObject<HTMLInputElement | null>;
}

/** The longest reason that control takes. */
export const reasonLengthMax = 500;

/** A proposal: whom it newly exposes, why, and the button that makes it so. */
export function ProposalForm(props: ProposalFormProps): JSX.Element {
  const { proposal, release, control } = props;
  const words = useWords();
  const { reason, sending } = control.state;
  const blocked = reason.trim() === "" || proposal.movedBy !== undefined || sending !== undefined;
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (blocked) props.field.current?.focus();
    else control.commit();
  };
  const press = (event: TargetedKeyboardEvent<HTMLFormElement>): void => {
    if (event.key === "Escape") control.discard();
  };
  return (
    <form class="proposal" onSubmit={submit} onKeyDown={press} aria-labelledby="proposal-title">
      <h3 id="proposal-title">{words.say("proposal.title", { from: words.share(release.newWeight), to: words.share(proposal.weight) })}</h3>
      <Exposed {...props} />
      <Conflict {...props} />
      <div class="proposal-row">
        <label class="field">
          <span class="field-label">{words.say("proposal.reason")}</span>
          <input
            ref={props.field}
            type="text"
            value={reason}
            maxLength={reasonLengthMax}
            placeholder={words.say("proposal.placeholder")}
            aria-describedby="proposal-help"
            autocomplete="off"
            onInput={(event) => control.setReason(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button primary" aria-disabled={blocked}>
          {sending === "move" ? words.say("proposal.sending") : words.say("proposal.commit", { to: words.share(proposal.weight) })}
        </button>
        <button type="button" class="button" onClick={control.discard}>
          {words.say("proposal.discard")}
        </button>
      </div>
      <p class="proposal-help" id="proposal-help">
        {reason.trim() === "" ? `${words.say("proposal.needsReason")} ` : ""}
        {words.say("proposal.keys")}
      </p>
    </form>
  );
}

function Exposed(props: ProposalFormProps): JSX.Element {
  const words = useWords();
  const { exposure, release, instances, proposal } = props;
  const users =
    exposure.usersGained > 0
      ? words.say("proposal.gain", { n: exposure.usersGained, version: release.newVersion })
      : words.say("proposal.lose", { n: exposure.usersLost, version: release.stableVersion });
  return (
    <ul class="exposed" aria-live="polite">
      <li class="exposed-users">{users}</li>
      <li>
        {exposure.rateMoved === undefined
          ? words.say("proposal.rateUnknown")
          : words.say("proposal.rate", { rate: words.rate(exposure.rateMoved) })}
      </li>
      {exposure.ratePerInstance !== undefined && proposal.weight > 0 && (
        <li>{words.say("proposal.perInstance", { rate: words.rate(exposure.ratePerInstance), n: instances })}</li>
      )}
      {instances === 0 && proposal.weight > 0 && (
        <li class="complaint" data-tone="bad">
          <Glyph name="warning" /> {words.say("proposal.noInstances", { version: release.newVersion })}
        </li>
      )}
    </ul>
  );
}

/** Somebody else moved the release, or control refused: said where the operator looks, with the reason kept. */
function Conflict(props: ProposalFormProps): JSX.Element | null {
  const words = useWords();
  const { proposal, control } = props;
  const { movedBy, base } = proposal;
  const versionMoved = movedBy !== undefined && (movedBy.newVersion !== base.newVersion || movedBy.stableVersion !== base.stableVersion);
  if (!movedBy && !proposal.fault) return null;
  const share = words.share(movedBy?.newWeight ?? 0);
  return (
    <div class="conflict" role="alert">
      <Glyph name="warning" />
      <div>
        {movedBy && (
          <p>
            {words.say(versionMoved ? "proposal.movedVersion" : "proposal.moved", {
              actor: movedBy.changedBy,
              share,
              reason: movedBy.reason,
            })}
          </p>
        )}
        {!movedBy && proposal.fault && <p>{words.say("proposal.failed", { message: faultText(proposal.fault, words) })}</p>}
        {movedBy && (
          <button type="button" class="button" onClick={control.rebase}>
            {words.say("proposal.rebase", { to: words.share(proposal.weight), share })}
          </button>
        )}
      </div>
    </div>
  );
}
