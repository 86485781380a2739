import type { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Implementation } from "@weir/kit";
import { implement } from "@weir/kit";
import type { Catalogue } from "./catalogue.ts";
import type { Film, GetFilmRequest, GetFilmResponse, PageRequest, PageResponse } from "./feed.weir.ts";
import { Feed, FeedReason } from "./feed.weir.ts";
import { createPageCache } from "./page-cache.ts";
import type { Rank, RankedFilm } from "./rank.ts";
import { rankByPopularity, rankByTaste } from "./rank.ts";
import { rateLimit } from "./rate-limit.ts";
import { recall, tasteOf } from "./recall.ts";

/** What the feed is made of. */
export interface FeedOptions {
  readonly version: string;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  /** Default 20. */
  readonly pagesPerSecond?: number;
}

const sizeDefault = 10;
const sizeMax = 50;
const userIdLengthMax = 128;

/** The feed: rate limit → cache → recall → rank → page. "v1" ranks by popularity, every other version by taste. */
export function createFeed({ version, catalogue, clock, pagesPerSecond = 20 }: FeedOptions): Implementation {
  const rank: Rank = version === "v1" ? rankByPopularity : rankByTaste;
  const cache = createPageCache<readonly RankedFilm[]>(clock);

  async function page({ userId, cursor, size }: PageRequest): Promise<PageResponse> {
    if (userId === "" || userId.length > userIdLengthMax) {
      throw fault(FeedReason.USER_ID_INVALID, `expected a userId of 1 to ${userIdLengthMax} characters, found ${userId.length}`);
    }
    if (size > sizeMax) throw fault(FeedReason.SIZE_INVALID, `expected a size of at most ${sizeMax}, found ${size}`);
    const ranked = cache.getOrLoad(userId, () => {
      const taste = tasteOf(userId);
      return rank(recall(catalogue, taste), taste);
    });
    const from = offsetOf(cursor, ranked.length);
    const upTo = Math.min(ranked.length, from + (size || sizeDefault));
    return { films: ranked.slice(from, upTo).map(filmFrom), nextCursor: upTo < ranked.length ? cursorOf(upTo) : "", version };
  }

  async function getFilm({ id }: GetFilmRequest, _call: Call): Promise<GetFilmResponse> {
    const film = catalogue.byId.get(id);
    if (!film) throw fault(FeedReason.FILM_UNKNOWN, `expected the id of a film, found ${JSON.stringify(id.slice(0, 40))}`);
    return { film: filmFrom({ film, score: film.popularity }), version };
  }

  return implement(Feed, { page, getFilm }, { layers: [rateLimit(pagesPerSecond)] });
}

function filmFrom({ film, score }: RankedFilm): Film {
  return { id: film.id, title: film.title, genres: [...film.genres], year: film.year, score: Math.round(score * 1000) / 1000 };
}

/** A cursor is an offset, written so that nobody counts on that. */
function cursorOf(offset: number): string {
  return `p${offset.toString(36)}`;
}

function offsetOf(cursor: string, count: number): number {
  if (cursor === "") return 0;
  const offset = /^p[0-9a-z]{1,4}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : NaN;
  if (offset > 0 && offset < count) return offset;
  throw fault(FeedReason.CURSOR_INVALID, `expected the nextCursor of a page, found ${JSON.stringify(cursor.slice(0, 40))}`);
}
