import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Token } from "@weir/api/identity";
import { useWords } from "../context.ts";
import type { Address, Language, Theme } from "../model/address.ts";
import { hashFromAddress } from "../model/address.ts";
import type { Key } from "../words/en.ts";
import { Glyph, Sign } from "./glyph.tsx";
import { Switch } from "./switch.tsx";

/** What the top bar shows and does. */
export interface TopBarProps {
  readonly address: Address;
  readonly theme: Theme;
  /** Undefined while nobody is signed in. */
  readonly identity: Token | undefined;
  readonly onLanguage: (language: Language) => void;
  readonly onTheme: (theme: Theme) => void;
  readonly onSignOut: () => void;
}

const languages = [
  { value: "en", text: "EN", lang: "en" },
  { value: "zh", text: "中文", lang: "zh-CN" },
] as const;

/** Where one is, who one is, and how it is shown. On narrow screens all but the first folds into a menu. */
export function TopBar(props: TopBarProps): JSX.Element {
  const { address, identity } = props;
  const words = useWords();
  const [open, setOpen] = useState(false);
  const home = hashFromAddress({ ...address, page: "releases", service: "" });
  return (
    <header class="top">
      <a class="brand" href={home}>
        <Sign />
        <span>Weir</span>
      </a>
      {identity && (
        <nav class="crumbs" aria-label={words.say("nav.releases")}>
          <a href={home} aria-current={address.page === "releases" ? "page" : undefined}>
            {words.say("nav.releases")}
          </a>
          {address.page === "release" && (
            <span class="crumb" aria-current="page">
              <Glyph name="right" />
              {address.service}
            </span>
          )}
        </nav>
      )}
      <button type="button" class="button quiet menu-button" aria-expanded={open} aria-controls="menu" onClick={() => setOpen(!open)}>
        <Glyph name="menu" />
        <span class="hidden">{words.say("nav.menu")}</span>
      </button>
      <div class="menu" id="menu" data-open={open}>
        <Switch name="language" label={words.say("nav.language")} value={words.language} choices={languages} onChange={props.onLanguage} />
        <Switch
          name="theme"
          label={words.say("nav.theme")}
          value={props.theme}
          choices={themeChoices(words.say)}
          onChange={props.onTheme}
        />
        {identity && <Who identity={identity} onSignOut={props.onSignOut} />}
      </div>
    </header>
  );
}

function themeChoices(say: (key: Key) => string): { readonly value: Theme; readonly text: string }[] {
  return (["auto", "light", "dark"] as const).map((value) => ({ value, text: say(`theme.${value}`) }));
}

function Who(props: { readonly identity: Token; readonly onSignOut: () => void }): JSX.Element {
  const words = useWords();
  const { name, role } = props.identity;
  const roleWord = words.say(`role.${role}` as Key);
  return (
    <div class="who">
      <span class="who-name" title={words.say("nav.signedInAs", { name, role: roleWord })}>
        <span class="hidden">{words.say("nav.signedInAs", { name, role: roleWord })}</span>
        <span aria-hidden="true">
          {name} <span class="faint">{roleWord}</span>
        </span>
      </span>
      <button type="button" class="button quiet" onClick={props.onSignOut}>
        {words.say("nav.signOut")}
      </button>
    </div>
  );
}
