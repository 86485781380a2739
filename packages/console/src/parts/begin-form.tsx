import type { JSX, TargetedSubmitEvent } from "preact";
import { useState } from "preact/hooks";
import type { Fault } from "@weir/kit/fault";
import { faultFrom } from "@weir/kit/fault";
import type { ConsoleClient } from "../client.ts";
import { useWords } from "../context.ts";
import { faultText } from "./fault-text.ts";
import { Glyph } from "./glyph.tsx";
import { reasonLengthMax } from "./proposal-form.tsx";

/** What the form needs. */
export interface BeginFormProps {
  readonly client: ConsoleClient;
  readonly service: string;
  /** Versions that have an instance and that not all users are on. */
  readonly versions: readonly string[];
  /** Runs after every try, done or refused. */
  readonly onTried: () => void;
}

/** Begins a release to a version that stands ready. Nobody is moved by it. */
export function BeginForm(props: BeginFormProps): JSX.Element {
  const words = useWords();
  const [chosen, setChosen] = useState("");
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState<Fault | undefined>(undefined);
  const [working, setWorking] = useState(false);
  const version = props.versions.includes(chosen) ? chosen : (props.versions[0] ?? "");
  const begin = async (): Promise<void> => {
    setWorking(true);
    try {
      await props.client.releases.beginRelease({ service: props.service, newVersion: version, reason: reason.trim() });
      setFault(undefined);
      setReason("");
    } catch (thrown) {
      setFault(faultFrom(thrown));
    }
    setWorking(false);
    props.onTried();
  };
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (reason.trim() !== "" && !working) void begin();
  };
  return (
    <details class="begin">
      <summary>{words.say("begin.open")}</summary>
      <form class="proposal-row" onSubmit={submit}>
        <label class="field field-short">
          <span class="field-label">{words.say("begin.version")}</span>
          <select value={version} onChange={(event) => setChosen(event.currentTarget.value)}>
            {props.versions.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span class="field-label">{words.say("proposal.reason")}</span>
          <input
            type="text"
            value={reason}
            maxLength={reasonLengthMax}
            autocomplete="off"
            placeholder={words.say("proposal.placeholder")}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button primary" aria-disabled={reason.trim() === "" || working}>
          {words.say("begin.submit")}
        </button>
      </form>
      <p class="proposal-help">{words.say("begin.lead")}</p>
      {fault && (
        <p class="complaint" data-tone="bad" role="alert">
          <Glyph name="warning" /> {words.say("begin.failed", { message: faultText(fault, words) })}
        </p>
      )}
    </details>
  );
}
