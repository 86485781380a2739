import type { Context } from "preact";
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { Theme } from "../model/address.ts";

/** Light or dark, as it holds now. */
export type Scheme = "light" | "dark";

/** The scheme that holds, for drawings that must be done again when it changes. */
export const SchemeContext: Context<Scheme> = createContext<Scheme>("light");

/** The scheme that holds here. */
export function useScheme(): Scheme {
  return useContext(SchemeContext);
}

/** Puts a theme on the document and says which scheme that gives now. */
export function useTheme(theme: Theme): Scheme {
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const listen = (): void => setDark(query.matches);
    query.addEventListener("change", listen);
    return () => query.removeEventListener("change", listen);
  }, []);
  const scheme = theme === "auto" ? (dark ? "dark" : "light") : theme;
  // Set while rendering: drawings below read the colours in their effects, which run before those of their parents.
  document.documentElement.dataset["theme"] = theme;
  return scheme;
}
