import type { Language } from "./address.ts";
import type { Formats } from "./format.ts";
import { createFormats } from "./format.ts";
import type { Key } from "../words/en.ts";
import { en } from "../words/en.ts";
import { zh } from "../words/zh.ts";

/** What fills the gaps of a text, by name. Numbers are written in the language's way. */
export type Values = Readonly<Record<string, string | number>>;

/** Everything that is said, in one language. */
export interface Words extends Formats {
  readonly language: Language;
  /** The text of a key. `{n}` is filled in; `{n|plane|planes}` picks the first form for 1, else the second. */
  readonly say: (key: Key, values?: Values) => string;
}

/** Dictionaries by language. They have the same keys and the same gaps; a test compares. */
export const dictionaries: Readonly<Record<Language, Readonly<Record<Key, string>>>> = { en, zh };

/** The words of a language. */
export function createWords(language: Language): Words {
  const dictionary = dictionaries[language];
  const formats = createFormats(language);
  return { language, ...formats, say: (key, values = {}) => filled(dictionary[key], values, formats) };
}

/** The language to begin with: as the address says, else as stored, else the first of the browser's that we have. */
export function languageFrom(chosen: Language | undefined, wanted: readonly string[]): Language {
  if (chosen) return chosen;
  for (const tag of wanted) {
    if (tag.toLowerCase().startsWith("zh")) return "zh";
    if (tag.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

/** Names of the gaps of a text, in order of the alphabet, each once. */
export function gapsOf(text: string): string[] {
  return [...new Set([...text.matchAll(/\{(\w+)(?:\|[^}]*)?\}/g)].map((match) => match[1] ?? ""))].toSorted();
}

function filled(text: string, values: Values, formats: Formats): string {
  return text.replaceAll(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (gap, name: string, one?: string, other?: string) => {
    const value = values[name];
    if (value === undefined) return gap;
    if (one !== undefined) return value === 1 ? one : (other ?? "");
    return typeof value === "number" ? formats.count(value) : value;
  });
}
