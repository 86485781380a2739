import type { JSX, TargetedSubmitEvent } from "preact";
import { useState } from "preact/hooks";
import { useWords } from "../context.ts";
import type { Session, SessionState } from "../hooks/use-session.ts";
import type { Words } from "../model/words.ts";
import { Glyph, Mark, Sign } from "../parts/glyph.tsx";

/** Signs in by a token; one-time links are taken before this page is drawn and only report here what went wrong. */
export function SignInPage(props: { readonly session: Session }): JSX.Element {
  const { session } = props;
  const words = useWords();
  const [text, setText] = useState("");
  const [working, setWorking] = useState(false);
  const checking = session.state.kind === "checking";
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (text.trim() === "" || working) return;
    setWorking(true);
    void session.pasteToken(text).finally(() => {
      setWorking(false);
      setText("");
    });
  };
  return (
    <div class="sign-in">
      <div class="card sign-in-card">
        <Sign />
        <h1>{words.say("signIn.title")}</h1>
        <Notice state={session.state} words={words} />
        {!checking && (
          <form onSubmit={submit}>
            <p>{words.say("signIn.lead")}</p>
            <label class="field">
              <span class="field-label">{words.say("signIn.token")}</span>
              <input
                type="password"
                name="token"
                value={text}
                autocomplete="off"
                spellcheck={false}
                onInput={(event) => setText(event.currentTarget.value)}
              />
            </label>
            <button type="submit" class="button primary" aria-disabled={text.trim() === "" || working}>
              {words.say(working ? "signIn.working" : "signIn.submit")}
            </button>
            <p class="faint">{words.say("signIn.kept")}</p>
          </form>
        )}
      </div>
    </div>
  );
}

function Notice(props: { readonly state: SessionState; readonly words: Words }): JSX.Element | null {
  const { state, words } = props;
  if (state.kind === "signed_in") return null;
  if (state.kind === "checking") {
    const text = words.say(state.fault ? "signIn.unreachable" : "signIn.working");
    return (
      <p role="status">
        {
          <Mark tone={state.fault ? "warn" : "calm"} glyph="wait">
            {text}
          </Mark>
        }
      </p>
    );
  }
  if (state.why === "fresh") return null;
  const unreachable = state.fault?.code === "UNAVAILABLE" || state.fault?.code === "DEADLINE_EXCEEDED";
  const text = unreachable
    ? "signIn.unreachable"
    : state.why === "expired"
      ? "signIn.expired"
      : state.why === "link"
        ? "signIn.linkFailed"
        : "signIn.tokenFailed";
  return (
    <div class="conflict" role="alert">
      <Glyph name="warning" />
      <div>
        <p>{words.say(text)}</p>
        {state.fault && <p class="faint">{`${state.fault.reason}: ${state.fault.message}`}</p>}
      </div>
    </div>
  );
}
