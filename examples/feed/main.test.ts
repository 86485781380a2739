import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { FeedProcess } from "./testdata/feed-process.ts";
import { startFeedProcess } from "./testdata/feed-process.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-feed-"));
});
after(() => rm(folder, { recursive: true }));

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Asks what a line of the README asks, of this process. */
async function run(curl: string, feed: FeedProcess): Promise<Answer> {
  const found = /(https?:\/\/[^\s']+)/.exec(curl)?.[0] ?? "";
  const url = found.replace("http://127.0.0.1:9000", feed.url).replace("http://127.0.0.1:9001", feed.adminUrl);
  const body = / -d '([^']*)'/.exec(curl)?.[1];
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(url, { method: body === undefined ? "GET" : "POST", headers, ...(body === undefined ? {} : { body }) });
  return { status: response.status, body: await response.text() };
}

test("every line of the README that asks is answered as it says", async () => {
  const readme = await readFile(new URL("./README.md", import.meta.url), "utf8");
  const lines = [...readme.matchAll(/^curl .*$/gm)].map(([line]) => line);
  await using feed = await startFeedProcess({ folder, version: "v2" });
  const answers: string[] = [];
  for (const line of lines) {
    const { status, body } = await run(line, feed);
    assert.equal(status, 200, `${line}\n${body}`);
    answers.push(body);
  }
  const [restPage, connectPage, restFilm, connectFilm, restWatch, connectWatch, , metrics, caches, flow] = answers;
  assert.equal(restPage, connectPage);
  assert.equal(restFilm, connectFilm);
  assert.equal((JSON.parse(restPage!) as { films: unknown[] }).films.length, 3);
  assert.deepEqual(
    [JSON.parse(restWatch!), JSON.parse(connectWatch!)],
    [
      { number: 1, version: "v2" },
      { number: 2, version: "v2" },
    ],
  );
  for (const name of readme.matchAll(/`((?:feed|weir)_\w+)`/g)) assert.match(metrics!, new RegExp(`^# TYPE ${name[1]} `, "m"));
  assert.match(caches!, /"name":"selections","requests":\{"hit":1,"stale":0,"absent":0,"miss":1\}/);
  assert.match(flow!, /"name":"watches","waiting":0,"capacity":256/);
});

test("a watch is known to a process of the other version that starts later, and processes end with code 0", async () => {
  const record = `curl -d '{"userId":"u9","filmId":"the-dark-knight-2008","watchId":"w1"}' http://127.0.0.1:9000/v1/feed/watches`;
  const first = await startFeedProcess({ folder, version: "v1" });
  assert.deepEqual(JSON.parse((await run(record, first)).body), { number: 1, version: "v1" });
  assert.equal(await first.stop(), 0);
  // Two that start at once open one database.
  const both = await Promise.all([startFeedProcess({ folder, version: "v1" }), startFeedProcess({ folder, version: "v2" })]);
  assert.deepEqual(JSON.parse((await run(record, both[1])).body), { number: 1, repeated: true, version: "v2" });
  for (const feed of both) {
    const { body } = await run("curl http://127.0.0.1:9000/v1/feed?userId=u9&size=50", feed);
    const { films } = JSON.parse(body) as { films: { id: string; why: string }[] };
    assert.ok(films.every(({ id }) => id !== "the-dark-knight-2008"));
    assert.equal(films[0]!.why, "because you watched The Dark Knight (2008)");
    assert.equal(await feed.stop(), 0);
  }
});
