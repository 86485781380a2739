import { fault } from "@weir/kit/fault";
import { FeedReason } from "./feed.weir.ts";

/** Where a walk over pages stands. */
export interface Cursor {
  /** How many watches the user had when it began. */
  readonly watches: number;
  /** How many films of the list have been passed. */
  readonly offset: number;
}

/** A cursor as text, in a form that nobody is tempted to count on. */
export function textFromCursor({ watches, offset }: Cursor): string {
  return `${watches.toString(36)}-${offset.toString(36)}`;
}

/** Reads a cursor; undefined for the empty text of a first page. Throws CURSOR_INVALID. */
export function cursorFromText(text: string): Cursor | undefined {
  if (text === "") return undefined;
  const [, watches = "", offset = ""] = /^([0-9a-z]{1,8})-([0-9a-z]{1,4})$/.exec(text) ?? [];
  if (offset !== "") return { watches: Number.parseInt(watches, 36), offset: Number.parseInt(offset, 36) };
  throw fault(FeedReason.CURSOR_INVALID, `expected a cursor that a page has answered, found ${JSON.stringify(text.slice(0, 40))}`);
}
