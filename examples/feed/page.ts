import { fault } from "@weir/kit/fault";
import type { Service } from "@weir/kit/service";
import { popular, toDiscover } from "./candidates.ts";
import type { Catalogue, CatalogueFilm } from "./catalogue.ts";
import { cursorFromText, textFromCursor } from "./cursor.ts";
import type { Film, PageRequest, PageResponse } from "./feed.weir.ts";
import { FeedReason } from "./feed.weir.ts";
import type { Selection, SelectionRequest } from "./selection.ts";
import { checkUserId } from "./user-id.ts";

/** What pages are cut with. */
export interface PageOptions {
  readonly version: string;
  readonly catalogue: Catalogue;
  readonly selections: Service<SelectionRequest, Selection>;
}

const sizeDefault = 10;
const sizeMax = 50;

/** The handler of Page: checks what was asked, and cuts a page from the user's selection. */
export function pageOf({ version, catalogue, selections }: PageOptions): Service<PageRequest, PageResponse> {
  const { films } = catalogue;
  const because = films.map(({ title, year }) => `because you watched ${title} (${year})`);
  const whyOf = (why: number): string => (why === popular ? "popular" : why === toDiscover ? "to discover" : because[why]!);

  function pageFrom({ candidates, watches, gone }: Selection, { offset, size }: { offset: number; size: number }): PageResponse {
    const count = candidates.films.length;
    if (offset > count) throw fault(FeedReason.CURSOR_INVALID, `expected a cursor within ${count} films, found ${offset}`);
    const page: Film[] = [];
    let at = offset;
    for (; at < count && page.length < size; at++) {
      const film = candidates.films[at]!;
      if (!gone.has(film)) page.push(filmFrom(films[film]!, { score: candidates.scores[at]!, why: whyOf(candidates.why[at]!) }));
    }
    return { films: page, nextCursor: at < count ? textFromCursor({ watches, offset: at }) : "", version };
  }

  return async ({ userId, cursor, size }, call) => {
    checkUserId(userId);
    if (size > sizeMax) throw fault(FeedReason.SIZE_INVALID, `expected a size of at most ${sizeMax}, found ${size}`);
    const begun = cursorFromText(cursor);
    const selection = await selections({ userId, watches: begun?.watches }, call);
    return pageFrom(selection, { offset: begun?.offset ?? 0, size: size || sizeDefault });
  };
}

/** A film as the contract has it. */
export function filmFrom(film: CatalogueFilm, { score, why }: { score: number; why: string }): Film {
  const { id, title, genre, year, rating = 0, minutes = 0 } = film;
  return { id, title, genre, year, rating, minutes, score: Math.round(score * 1000) / 1000, why };
}
