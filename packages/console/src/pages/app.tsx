import type { JSX, TargetedMouseEvent } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { WordsContext } from "../context.ts";
import { useAddress } from "../hooks/use-address.ts";
import { SchemeContext, useTheme } from "../hooks/use-scheme.ts";
import type { Session } from "../hooks/use-session.ts";
import { useSession } from "../hooks/use-session.ts";
import type { Address, Language, Theme } from "../model/address.ts";
import { createWords, languageFrom } from "../model/words.ts";
import { storedChoice, storeChoice } from "../model/choice.ts";
import { TopBar } from "../parts/top-bar.tsx";
import { ReleasePage } from "./release-page.tsx";
import { ReleasesPage } from "./releases-page.tsx";
import { SignInPage } from "./sign-in-page.tsx";

/** The whole console. `code` is that of a one-time link, taken out of the address bar before anything was drawn. */
export function App(props: { readonly code: string }): JSX.Element {
  const [address, change] = useAddress();
  const session = useSession(props.code !== "");
  const [code, setCode] = useState(props.code);
  const language = languageFrom(address.language ?? storedChoice<Language>(localStorage, "language"), navigator.languages);
  const theme = address.theme ?? storedChoice<Theme>(localStorage, "theme") ?? "auto";
  const words = useMemo(() => createWords(language), [language]);
  const scheme = useTheme(theme);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  }, [language]);
  useEffect(() => {
    if (code === "") return;
    setCode("");
    void session.openLink(code).then((opened) => (opened ? landOnRelease(session, change) : undefined));
  }, [code]);
  useLaterLink(address, change, setCode);
  const choose = (kind: "language" | "theme", value: Language | Theme): void => {
    storeChoice(localStorage, kind, value);
    change({ [kind]: value });
  };
  const identity = session.state.kind === "signed_in" ? session.state.identity : undefined;
  return (
    <WordsContext.Provider value={words}>
      <SchemeContext.Provider value={scheme}>
        <a class="skip" href="#content" onClick={(event) => skipTo(event, "content")}>
          {words.say("app.skip")}
        </a>
        <TopBar
          address={address}
          theme={theme}
          identity={identity}
          onLanguage={(value) => choose("language", value)}
          onTheme={(value) => choose("theme", value)}
          onSignOut={session.signOut}
        />
        <main id="content" tabIndex={-1}>
          <Page address={address} session={session} onAddress={change} />
        </main>
      </SchemeContext.Provider>
    </WordsContext.Provider>
  );
}

function Page(props: {
  readonly address: Address;
  readonly session: Session;
  readonly onAddress: (change: Partial<Address>) => void;
}): JSX.Element {
  const { address, session, onAddress } = props;
  if (session.state.kind !== "signed_in") return <SignInPage session={session} />;
  if (address.page !== "release") return <ReleasesPage client={session.client} address={address} onSignedOut={session.expire} />;
  return (
    <ReleasePage
      key={address.service}
      client={session.client}
      identity={session.state.identity}
      address={address}
      onAddress={onAddress}
      onSignedOut={session.expire}
    />
  );
}

/** A link opened in a tab that is here already only changes the part behind "#": its code is taken from there too. */
function useLaterLink(address: Address, change: (change: Partial<Address>) => void, onCode: (code: string) => void): void {
  useEffect(() => {
    if (address.code === "") return;
    onCode(address.code);
    change({ page: "releases", service: "" });
  }, [address.code]);
}

/** After a link, who has only one release to look at is brought to it. */
async function landOnRelease(session: Session, change: (change: Partial<Address>) => void): Promise<void> {
  const answer = await session.client.releases.listReleases({}).catch(() => undefined);
  const [only, ...others] = answer?.releases ?? [];
  if (only && others.length === 0) change({ page: "release", service: only.service });
}

function skipTo(event: TargetedMouseEvent<HTMLAnchorElement>, id: string): void {
  event.preventDefault();
  document.getElementById(id)?.focus();
}
