import type { MessageType } from "@weir/kit/contract";
import { Blobs, Cluster, Endpoint, Film, Fleet, Health, Numbers, Page, Sample, Texts } from "./codec.weir.ts";

/** A message of the codec suite and its type. */
export interface CodecCase<T> {
  readonly name: string;
  readonly type: MessageType<T>;
  readonly message: T;
}

const genres = ["drama", "comedy", "documentary", "science fiction", "thriller"];
const words = "split the flow, limit it, shed the rest; water finds its way over the weir and the boats pass beside it ".repeat(20);
const letters = "分流限流泄洪，都江堰已经这样工作了两千二百七十年，没有一座水坝。".repeat(20);

/** Five messages: a page of ten films, a fleet of 200 endpoints, one mostly of numbers, one of text, one of bytes. */
export function codecCases(): CodecCase<unknown>[] {
  return [
    { name: "page", type: Page, message: page() },
    { name: "fleet", type: Fleet, message: fleet() },
    { name: "numbers", type: Numbers, message: numbers() },
    { name: "texts", type: Texts, message: texts() },
    { name: "blobs", type: Blobs, message: blobs() },
  ] as CodecCase<unknown>[];
}

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function page(): Page {
  const films = many(10, (index) =>
    Film.create({
      id: `film-${1000 + 37 * index}`,
      title: index % 5 === 4 ? letters.slice(index, index + 9) : words.slice(7 * index, 7 * index + 12 + 3 * index),
      genres: genres.slice(index % 4, (index % 4) + 2),
      year: 1960 + 6 * index,
      score: 1 / (1 + index),
    }),
  );
  return Page.create({ films, nextCursor: "eyJvZmZzZXQiOjEwLCJzZWVkIjo0MTF9", version: "v2" });
}

function fleet(): Fleet {
  const clusters = many(10, (cluster) =>
    Cluster.create({
      service: `weir.shop.v1.Service${cluster}`,
      version: `v${cluster % 3}`,
      endpoints: many(20, (index) =>
        Endpoint.create({
          id: `shop-${cluster}-7c9d8b6f5-${1000 + index}`,
          address: `10.${cluster}.0.${index}:8080`,
          weight: 100 + index,
          labels: { zone: `zone-${index % 3}`, host: `node-${index}` },
          health: Health.SERVING,
        }),
      ),
    }),
  );
  return Fleet.create({ revision: 184_467n, epoch: "0197f3a2-7c4e", madeAtMs: 1_760_000_000_123n, clusters });
}

function numbers(): Numbers {
  return Numbers.create({
    samples: many(50, (index) =>
      Sample.create({
        atMs: 1_760_000_000_000n + BigInt(250 * index),
        value: Math.sin(index) * 1000,
        delta: index % 2 === 0 ? index * 31 : -index * 17,
        trace: 0x0123_4567_89ab_cdefn + BigInt(index),
        ratio: Math.fround(index / 50),
        valid: index % 7 !== 0,
        total: BigInt(index) ** 4n,
      }),
    ),
    values: many(100, (index) => index / 3 + 0.1),
    counts: many(100, (index) => (index * 7919) % 20_000),
    deltas: many(100, (index) => BigInt((index % 2 === 0 ? 1 : -1) * index * 104_729)),
  });
}

function texts(): Texts {
  return Texts.create({
    texts: many(12, (index) => ({
      title: words.slice(index, index + 40),
      body: index % 4 === 3 ? letters.slice(index, index + 200) : words.slice(3 * index, 3 * index + 300 + 40 * index),
      language: index % 4 === 3 ? "zh" : "en",
    })),
  });
}

function blobs(): Blobs {
  const bytesOf = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31 + seed) & 0xff);
  return Blobs.create({
    blobs: many(8, (index) => ({ name: `part-${index}.bin`, content: bytesOf(2048 + 512 * index, index), digest: bytesOf(32, index) })),
  });
}
