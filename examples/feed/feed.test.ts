import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "@weir/kit/fault";
import { createClient } from "@weir/kit/rpc/client";
import { createTestTransport } from "@weir/kit/testing/transport";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import { createCatalogue } from "./catalogue.ts";
import { createFeed } from "./feed.ts";
import type { FeedClient } from "./feed.weir.ts";
import { Feed } from "./feed.weir.ts";
import { createPageCache } from "./page-cache.ts";

const catalogue = createCatalogue(1000);

function feedOf(version: string, pagesPerSecond = 1000): FeedClient {
  const clock = createVirtualClock();
  return createClient(Feed, createTestTransport([createFeed({ version, catalogue, clock, pagesPerSecond })]));
}

test("page leads through all films of a user, each once, best first", async () => {
  const feed = feedOf("v2");
  const ids: string[] = [];
  let lastScore = Infinity;
  let cursor = "";
  do {
    const page = await feed.page({ userId: "u1", cursor, size: 50 });
    assert.equal(page.version, "v2");
    for (const film of page.films) {
      assert.ok(film.score <= lastScore, `${film.score} after ${lastScore}`);
      lastScore = film.score;
      ids.push(film.id);
    }
    cursor = page.nextCursor;
  } while (cursor !== "");
  assert.ok(ids.length > 100);
  assert.equal(new Set(ids).size, ids.length);
});

test("v1 ranks by popularity and v2 by taste", async () => {
  const [byPopularity, byTaste] = [await feedOf("v1").page({ userId: "u1" }), await feedOf("v2").page({ userId: "u1" })];
  assert.notDeepEqual(byPopularity.films.map(({ id }) => id), byTaste.films.map(({ id }) => id));
  assert.equal(byPopularity.films.length, 10);
});

test("page refuses what it cannot answer, with its reason", async () => {
  const feed = feedOf("v2");
  const cases = [
    ["USER_ID_INVALID", feed.page({})],
    ["USER_ID_INVALID", feed.page({ userId: "u".repeat(129) })],
    ["SIZE_INVALID", feed.page({ userId: "u1", size: 51 })],
    ["CURSOR_INVALID", feed.page({ userId: "u1", cursor: "nonsense" })],
    ["CURSOR_INVALID", feed.page({ userId: "u1", cursor: "pzzzz" })],
    ["FILM_UNKNOWN", feed.getFilm({ id: "f0" })],
  ] as const;
  for (const [reason, answer] of cases) await assert.rejects(answer, (error: unknown) => isFault(error) && error.reason === reason, reason);
});

test("one user who asks too often is told when to come back, others are served", async () => {
  const feed = feedOf("v2", 3);
  for (let asked = 0; asked < 3; asked++) await feed.page({ userId: "u1" });
  await assert.rejects(feed.page({ userId: "u1" }), (error: unknown) => {
    assert.ok(isFault(error));
    assert.equal(error.reason, "TOO_MANY_PAGES");
    assert.ok(error.retryAfterMs !== undefined && error.retryAfterMs > 0);
    return true;
  });
  assert.equal((await feed.page({ userId: "u2" })).films.length, 10);
});

test("page cache loads once while fresh, again later, and keeps its bound", async () => {
  const clock = createVirtualClock();
  const cache = createPageCache<number>(clock, { entriesMax: 2, freshMs: 100 });
  let loads = 0;
  const load = (): number => (loads += 1);
  assert.deepEqual([cache.getOrLoad("a", load), cache.getOrLoad("a", load)], [1, 1]);
  await clock.advance(101);
  assert.equal(cache.getOrLoad("a", load), 2);
  cache.getOrLoad("b", load);
  cache.getOrLoad("c", load);
  assert.equal(cache.size, 2);
});
