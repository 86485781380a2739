/** Where choices are kept: the browser's localStorage, or anything like it. */
export interface ChoiceStore {
  readonly getItem: (key: string) => string | null;
  readonly setItem: (key: string, value: string) => void;
}

const allowed: Readonly<Record<"language" | "theme", readonly string[]>> = { language: ["en", "zh"], theme: ["auto", "light", "dark"] };

/** What was chosen last, or undefined. What cannot be read counts as not chosen. */
export function storedChoice<T extends string>(store: ChoiceStore, kind: "language" | "theme"): T | undefined {
  try {
    const value = store.getItem(`weir.${kind}`);
    return value !== null && allowed[kind].includes(value) ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a choice for the next visit. */
export function storeChoice(store: ChoiceStore, kind: "language" | "theme", value: string): void {
  try {
    store.setItem(`weir.${kind}`, value);
  } catch {
    // Storage is forbidden: the choice lives as long as the page.
  }
}
