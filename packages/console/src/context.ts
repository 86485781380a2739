import type { Context } from "preact";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Words } from "./model/words.ts";
import { createWords } from "./model/words.ts";

/** The language that everything below is said in. */
export const WordsContext: Context<Words> = createContext<Words>(createWords("en"));

/** The words of the language that is chosen. */
export function useWords(): Words {
  return useContext(WordsContext);
}
