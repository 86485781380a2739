import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { implement } from "@weir/kit";
import { Call } from "@weir/kit/call";
import { isFault } from "@weir/kit/fault";
import { createClient } from "@weir/kit/rpc/client";
import { createMetrics } from "@weir/kit/telemetry/metrics";
import { createTestTransport } from "@weir/kit/testing/transport";
import { createRecallFallbacks } from "./feed-counts.ts";
import { createRecallService } from "./recall-service.ts";
import { createRecall } from "./recall.ts";
import { Recall } from "./recall.weir.ts";
import { createRemoteRecall } from "./remote-recall.ts";
import type { FeedProcess } from "./testdata/feed-process.ts";
import { startFeedProcess } from "./testdata/feed-process.ts";
import { catalogue, createTestFeed, neighbours } from "./testdata/test-feed.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-recall-"));
});
after(() => rm(folder, { recursive: true }));

const client = createClient(Recall, createTestTransport([implement(Recall, createRecallService(catalogue, neighbours))]));
const history = ["toy-story-1995", "alien-1979", "the-godfather-1972"];
const placesOf = (ids: readonly string[]): Uint16Array => Uint16Array.from(ids, (id) => catalogue.byId.get(id)!.index);

test("recall over the wire finds what recall in the process finds", async () => {
  const metrics = createMetrics();
  const here = createRecall(catalogue, neighbours);
  const remote = createRemoteRecall({ client, catalogue, fallbacks: createRecallFallbacks(metrics) });
  for (const watched of [[], history]) {
    const taste = { userId: "u1", watched: placesOf(watched) };
    const [found, expected] = [await remote(taste, new Call()), here(taste)];
    assert.deepEqual(found.films, expected.films);
    assert.deepEqual(found.why, expected.why);
    assert.deepEqual(found.scores, expected.scores.map(Math.fround));
  }
  assert.doesNotMatch(metrics.text(), /feed_recall_fallbacks_total\{/);
});

test("recall refuses another catalogue and places that there are none of", async () => {
  const reason = (expected: string) => (thrown: unknown) => isFault(thrown) && thrown.reason === expected;
  await assert.rejects(client.findCandidates({ catalogue: "other", userId: "u1" }), reason("CATALOGUE_DIFFERS"));
  const { fingerprint } = catalogue;
  await assert.rejects(client.findCandidates({ catalogue: fingerprint, userId: "u1", watched: [0, 3201] }), reason("PLACE_UNKNOWN"));
});

test("while recall cannot be had, pages are made of what is popular, and it is counted why", async () => {
  const metrics = createMetrics();
  const recall = createRemoteRecall({
    client,
    catalogue: { ...catalogue, fingerprint: "another" },
    fallbacks: createRecallFallbacks(metrics),
  });
  const feed = await createTestFeed({ recall });
  for (const film of history) await feed.watch("u1", film);
  const films = await feed.walk("u1");
  assert.ok(films.length >= 50);
  for (const { id, why } of films) {
    assert.match(why, /^(popular|to discover)$/);
    assert.ok(!history.includes(id));
  }
  assert.match(metrics.text(), /feed_recall_fallbacks_total\{reason="CATALOGUE_DIFFERS"\} [1-9]/);
});

interface Page {
  readonly films: readonly { readonly why: string }[];
}

test("a feed asks recall processes over gRPC, and goes on when they are killed one after the other", async () => {
  const recalls = await Promise.all([1, 2].map(() => startFeedProcess({ folder, version: "v1", main: "recall-main.ts" })));
  const target = `static:///${recalls.map(({ url }) => new URL(url).host).join()}`;
  await using feed = await startFeedProcess({ folder, version: "v1", variables: { FEED_RECALL_TARGET: target } });
  let users = 0;
  /** Pages of new users that have watched a film, so that nothing comes from the cache. */
  const pages = async (count: number): Promise<Page[]> => {
    const found: Page[] = [];
    for (let left = count; left > 0; left--) {
      const userId = `killer-${users++}`;
      const watch = { userId, filmId: "alien-1979", watchId: "w1" };
      await ask(`${feed.url}/v1/feed/watches`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(watch),
      });
      found.push((await (await ask(`${feed.url}/v1/feed?userId=${userId}`)).json()) as Page);
    }
    return found;
  };
  const isLiked = ({ films }: Page): boolean => films.some(({ why }) => why === "because you watched Alien (1979)");
  assert.ok((await pages(5)).every(isLiked));
  assert.equal(await callsOf(recalls), true, "both have been asked");
  recalls[0]!.kill();
  assert.ok((await pages(20)).every(isLiked), "the other one answers");
  recalls[1]!.kill();
  assert.ok(!(await pages(5)).some(isLiked));
  const metrics = await (await ask(`${feed.adminUrl}/metrics`)).text();
  assert.match(metrics, /feed_recall_fallbacks_total\{reason="\w+"\} [1-9]/);
});

test("a feed starts within seconds while its recall says nothing or cannot be found, and answers", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  try {
    for (const target of [`static:///127.0.0.1:${port}`, "weir:///recall"]) {
      const variables = { FEED_RECALL_TARGET: target, WEIR_CONTROL_URL: "http://127.0.0.1:9" };
      await using feed = await startFeedProcess({ folder, version: "v1", variables });
      const { films } = (await (await ask(`${feed.url}/v1/feed?userId=u1`)).json()) as Page;
      assert.equal(films.length, 10);
    }
  } finally {
    silent.close();
  }
});

async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  assert.equal(response.status, 200, url);
  return response;
}

async function callsOf(recalls: readonly FeedProcess[]): Promise<boolean> {
  const texts = await Promise.all(recalls.map(async ({ adminUrl }) => (await ask(`${adminUrl}/metrics`)).text()));
  return texts.every((text) => /service="weir\.recall\.v1\.Recall",method="FindCandidates"/.test(text));
}
