import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "@weir/kit/fault";
import { catalogue, createTestFeed } from "./testdata/test-feed.ts";
import type { Film } from "./feed.weir.ts";

const versions = ["v1", "v2"] as const;
const history = ["toy-story-1995", "alien-1979", "the-godfather-1972", "annie-hall-1977"];
const idsOf = (films: readonly Film[]): string[] => films.map(({ id }) => id);

test("page gives ten films with all that is known of them, and says which version answered", async () => {
  for (const version of versions) {
    const { films, nextCursor, ...rest } = await (await createTestFeed({ version })).client.page({ userId: "u1" });
    assert.equal(films.length, 10);
    assert.notEqual(nextCursor, "");
    assert.equal(rest.version, version);
    for (const film of films) {
      const known = catalogue.byId.get(film.id)!;
      assert.deepEqual([film.title, film.genre, film.year], [known.title, known.genre, known.year]);
      assert.ok(film.score > 0 && film.score <= 1, `${film.score}`);
      assert.match(film.why, /^(popular|to discover)$/);
    }
  }
});

test("a walk over all pages shows every film once, whatever the size of a page", async () => {
  for (const version of versions) {
    const feed = await createTestFeed({ version });
    for (const film of history) await feed.watch("u1", film);
    const all = idsOf(await feed.walk("u1"));
    assert.equal(new Set(all).size, all.length);
    assert.equal(all.length, 100);
    for (const size of [1, 7, 50]) assert.deepEqual(idsOf(await feed.walk("u1", { size })), all, `pages of ${size}`);
  }
});

test("a walk stays on its list while the user watches, but for what it has watched meanwhile", async () => {
  const feed = await createTestFeed({ version: "v2" });
  await feed.watch("u1", "alien-1979");
  const before = idsOf(await feed.walk("u1"));
  const { nextCursor, films } = await feed.client.page({ userId: "u1" });
  await feed.watch("u1", before[15]!);
  const rest = idsOf(await feed.walk("u1", { cursor: nextCursor }));
  assert.deepEqual(
    [...idsOf(films), ...rest],
    before.filter((id) => id !== before[15]),
  );
});

test("what was watched is never again on the user's pages, and what is like it comes first", async () => {
  for (const version of versions) {
    const feed = await createTestFeed({ version });
    for (const film of history) await feed.watch("u1", film);
    const shown = await feed.walk("u1");
    for (const id of history) assert.ok(!idsOf(shown).includes(id), id);
    assert.match(shown[0]!.why, /^because you watched .+ \(\d{4}\)$/);
    assert.equal(shown.find(({ id }) => id === "toy-story-2-1999")?.why, "because you watched Toy Story (1995)");
    // Another user's pages have nothing to do with that.
    assert.ok((await feed.walk("u2")).every(({ why }) => !why.startsWith("because")));
  }
});

test("a user who has watched every popular film still gets pages, and one who has watched all an empty one", async () => {
  const feed = await createTestFeed();
  const record = async (films: Iterable<number>): Promise<void> => {
    for (const film of films) await feed.watches.record({ userId: "u1", filmId: catalogue.films[film]!.id, watchId: `w${film}` });
  };
  await record(catalogue.byPopularity.subarray(0, 400));
  assert.equal((await feed.walk("u1")).length, 100);
  await record(catalogue.byPopularity.subarray(400));
  await feed.clock.advance(5001);
  assert.deepEqual(await feed.client.page({ userId: "u1" }), { films: [], nextCursor: "", version: "v1" });
});

test("users without a history see pages that differ, each the same every time", async () => {
  const [feed, again] = [await createTestFeed(), await createTestFeed()];
  const first = idsOf((await feed.client.page({ userId: "u1" })).films);
  assert.deepEqual(idsOf((await again.client.page({ userId: "u1" })).films), first);
  const pages = new Set<string>();
  for (let user = 0; user < 50; user++) pages.add(idsOf((await feed.client.page({ userId: `u${user}` })).films).join());
  assert.ok(pages.size > 45, `${pages.size} different pages of 50`);
});

test("v1 shows the better score first", async () => {
  const feed = await createTestFeed({ version: "v1" });
  for (const film of history) await feed.watch("u1", film);
  const scores = (await feed.walk("u1")).map(({ score }) => score);
  for (let at = 1; at < scores.length; at++) assert.ok(scores[at]! <= scores[at - 1]!, `${scores[at]} after ${scores[at - 1]}`);
});

test("v2 shows no genre more than twice on a page of ten, nor twice in a row, and v1 does", async () => {
  const [v1, v2] = [await createTestFeed({ version: "v1" }), await createTestFeed({ version: "v2" })];
  let crowded = 0;
  for (let user = 0; user < 100; user++) {
    if (user % 2 === 0) for (const feed of [v1, v2]) await feed.watch(`u${user}`, catalogue.films[user * 30]!.id);
    const [plain, diverse] = await Promise.all([v1, v2].map(async ({ client }) => (await client.page({ userId: `u${user}` })).films));
    assert.ok(mostOfOneGenre(diverse!) <= 2, diverse!.map(({ genre }) => genre).join());
    for (let at = 1; at < 10; at++) assert.notEqual(diverse![at]!.genre, diverse![at - 1]!.genre);
    if (mostOfOneGenre(plain!) > 2) crowded++;
  }
  assert.ok(crowded > 50, `${crowded} pages of v1 have three films of one genre`);
});

function mostOfOneGenre(films: readonly Film[]): number {
  return Math.max(...films.map(({ genre }) => films.filter((other) => other.genre === genre).length));
}

test("a page is kept for five seconds, until its user watches something here", async () => {
  const feed = await createTestFeed();
  const asked = async (): Promise<string[]> => {
    await feed.client.page({ userId: "u1" });
    return feed.metrics
      .text()
      .split("\n")
      .filter((line) => /^weir_cache_requests_total\{cache="selections",outcome="(hit|miss)"/.test(line))
      .map((line) => line.replace(/^.*outcome="(\w+)"} /, "$1 "));
  };
  assert.deepEqual(await asked(), ["hit 0", "miss 1"]);
  assert.deepEqual(await asked(), ["hit 1", "miss 1"]);
  await feed.clock.advance(4999);
  assert.deepEqual(await asked(), ["hit 2", "miss 1"]);
  await feed.clock.advance(1);
  assert.deepEqual(await asked(), ["hit 2", "miss 2"]);
  await feed.watch("u1", "alien-1979");
  assert.deepEqual(await asked(), ["hit 2", "miss 3"]);
});

test("other instances follow a watch within five seconds, and a walk that knows of it at once", async () => {
  const here = await createTestFeed();
  const there = await createTestFeed({ version: "v2", watches: here.watches });
  const [best] = (await there.client.page({ userId: "u1" })).films;
  await here.watch("u1", best!.id);
  const { nextCursor } = await here.client.page({ userId: "u1" });
  await there.client.page({ userId: "u1", cursor: nextCursor });
  assert.ok(!idsOf(await there.walk("u1")).includes(best!.id));
  await here.watch("u1", "alien-1979");
  await there.clock.advance(5000);
  assert.ok(!idsOf(await there.walk("u1")).includes("alien-1979"));
});

test("calls at once for one user are answered alike from one ranking, and its watches are all recorded", async () => {
  const feed = await createTestFeed({ version: "v2" });
  const pages = await Promise.all(Array.from({ length: 20 }, () => feed.client.page({ userId: "u1" })));
  for (const page of pages) assert.deepEqual(page, pages[0]);
  assert.match(feed.metrics.text(), /feed_rank_seconds_count 1\n/);
  const answers = await Promise.all(
    pages[0]!.films.flatMap(({ id }) => [1, 2].map(() => feed.client.recordWatch({ userId: "u1", filmId: id, watchId: id }))),
  );
  assert.equal(answers.filter(({ repeated }) => repeated).length, 10);
  assert.deepEqual(
    answers.map(({ number }) => number).toSorted((one, other) => one - other),
    [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10],
  );
  assert.match(feed.metrics.text(), /feed_watches_total 10\n/);
});

test("getFilm gives one film", async () => {
  const { client } = await createTestFeed({ version: "v2" });
  const { film, version } = await client.getFilm({ id: "leon-1994" });
  assert.deepEqual(
    [film?.title, film?.genre, film?.year, film?.rating, film?.why, version],
    ["Léon", "Thriller/Suspense", 1994, 8.6, "", "v2"],
  );
});

test("what cannot be answered is refused with its reason and records nothing", async () => {
  const feed = await createTestFeed();
  const { client } = feed;
  const watch = { userId: "u1", filmId: "alien-1979", watchId: "w1" };
  await client.recordWatch({ ...watch, userId: "taken" });
  const cases = [
    ["USER_ID_INVALID", client.page({})],
    ["USER_ID_INVALID", client.page({ userId: "u".repeat(129) })],
    ["SIZE_INVALID", client.page({ userId: "u1", size: 51 })],
    ["CURSOR_INVALID", client.page({ userId: "u1", cursor: "nonsense" })],
    ["CURSOR_INVALID", client.page({ userId: "u1", cursor: "0-zzz" })],
    ["CURSOR_INVALID", client.page({ userId: "u1", cursor: "1-a" })],
    ["CURSOR_INVALID", client.page({ userId: "u1", cursor: "-1-a" })],
    ["FILM_UNKNOWN", client.getFilm({ id: "" })],
    ["FILM_UNKNOWN", client.getFilm({ id: "nobody-saw-it-1999" })],
    ["USER_ID_INVALID", client.recordWatch({ ...watch, userId: "" })],
    ["FILM_UNKNOWN", client.recordWatch({ ...watch, filmId: "nobody-saw-it-1999" })],
    ["WATCH_ID_INVALID", client.recordWatch({ ...watch, watchId: "" })],
    ["WATCH_ID_INVALID", client.recordWatch({ ...watch, watchId: "w".repeat(65) })],
    ["WATCH_ID_TAKEN", client.recordWatch({ ...watch, userId: "taken", filmId: "leon-1994" })],
  ] as const;
  for (const [reason, answer] of cases) {
    await assert.rejects(answer, (error: unknown) => isFault(error) && error.reason === reason, reason);
  }
  assert.deepEqual(await feed.watches.of("u1"), []);
  assert.equal((await feed.watches.of("taken")).length, 1);
});

test("a database that fails is said so, and nothing of that is kept", async () => {
  const feed = await createTestFeed();
  const broken = await createTestFeed({ watches: feed.watches });
  await feed.watches.close();
  for (let asked = 0; asked < 2; asked++) await assert.rejects(broken.client.page({ userId: "u1" }), isFault);
  assert.match(broken.metrics.text(), /weir_cache_requests_total{cache="selections",outcome="hit"} 0\n/);
});

test("one user who asks too often is told when to come back, others are served", async () => {
  const { client, clock } = await createTestFeed({ requestsPerSecond: 3 });
  for (let asked = 0; asked < 2; asked++) await client.page({ userId: "u1" });
  await client.recordWatch({ userId: "u1", filmId: "alien-1979", watchId: "w1" });
  await assert.rejects(client.page({ userId: "u1" }), (error: unknown) => {
    assert.ok(isFault(error));
    assert.equal(error.reason, "TOO_MANY_REQUESTS");
    assert.ok(error.retryAfterMs !== undefined && error.retryAfterMs > 0 && error.retryAfterMs <= 334);
    return true;
  });
  assert.equal((await client.page({ userId: "u2" })).films.length, 10);
  await clock.advance(334);
  assert.equal((await client.page({ userId: "u1" })).films.length, 10);
});
