import assert from "node:assert/strict";
import { test } from "node:test";
import type { ByteDuplex, HttpHandler } from "../http.ts";
import {
  bytesOf,
  content,
  data,
  frame,
  get,
  headers,
  http2Conversation,
  joined,
  numberFrame,
  post,
  preface,
  randomFrom,
  settings,
  told,
} from "../testing/http2-wire.ts";
import { turn, until } from "../testing/turns.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";

const open = joined(preface, settings());
test("a server sends no more than the windows allow, and goes on as they grow", async () => {
  const body = Buffer.alloc(100_000, "x");
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [], body }));
  connection.receive(joined(open, headers(1, get), headers(3, get)));
  await turn();
  const sent = (id: number): number => content(frames(), id).length;
  assert.equal(sent(1) + sent(3), 65_535);
  assert.ok(sent(1) >= 16_384 && sent(3) >= 16_384, "both streams got their turn");
  connection.receive(numberFrame(8, 0, 1000));
  await turn();
  assert.equal(sent(1) + sent(3), 66_535);
  connection.receive(joined(numberFrame(8, 0, 1_000_000), settings([4, 200_000])));
  await turn();
  assert.deepEqual([sent(1), sent(3)], [100_000, 100_000]);
});

test("a server waits while a window is negative", async () => {
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [], body: Buffer.alloc(50, "x") }));
  connection.receive(joined(preface, settings([4, 30]), headers(1, get)));
  await turn();
  assert.equal(content(frames(), 1).length, 30);
  connection.receive(settings([4, 10]));
  connection.receive(numberFrame(8, 1, 20));
  await turn();
  assert.equal(content(frames(), 1).length, 30);
  connection.receive(numberFrame(8, 1, 5));
  await turn();
  assert.equal(content(frames(), 1).length, 35);
  connection.receive(settings([4, 100]));
  await turn();
  assert.deepEqual(told(frames(), 1).at(-1), "DATA:END");
});

test("a server never sends beyond a window and always sends all, whatever the windows do", async () => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  for (let round = 0; round < 30; round += 1) {
    const bodies = [1, 3, 5].map(() => Buffer.alloc(Math.floor(random() * 60_000), "x"));
    const { connection, frames } = http2Conversation(async (request) => ({
      status: 200,
      headers: [],
      body: bodies[Number(request.target.slice(1))] as Buffer,
    }));
    let initial = Math.floor(random() * 20_000);
    const windows = new Map([1, 3, 5].map((id) => [id, 0]));
    let whole = 65_535;
    const ask = [1, 3, 5].map((id, index) => headers(id, [":method", "GET", ":scheme", "http", ":path", `/${index}`, ":authority", "a"]));
    connection.receive(joined(preface, settings([4, initial]), ...ask));
    for (let step = 0; step < 400; step += 1) {
      await turn();
      const seen = frames();
      let all = 0;
      for (const [index, id] of [1, 3, 5].entries()) {
        const sent = content(seen, id).length;
        all += sent;
        assert.ok(sent <= Math.max(0, initial + (windows.get(id) as number)) || sent <= (bodies[index] as Buffer).length, `seed ${seed}`);
      }
      assert.ok(all <= whole, `seed ${seed}: ${all} sent, ${whole} allowed`);
      if ([1, 3, 5].every((id) => told(seen, id).at(-1)?.endsWith(":END") === true)) break;
      assert.ok(step < 399, `seed ${seed}: the answers did not end`);
      const grown = 1 + Math.floor(random() * 30_000);
      const id = [0, 1, 3, 5][Math.floor(random() * 4)] as number;
      if (random() < 0.2) {
        initial = Math.floor(random() * 40_000);
        connection.receive(settings([4, initial]));
      } else {
        if (id === 0) whole += grown;
        else windows.set(id, (windows.get(id) as number) + grown);
        connection.receive(numberFrame(8, id, grown));
      }
    }
    for (const [index, id] of [1, 3, 5].entries()) assert.equal(content(frames(), id).length, (bodies[index] as Buffer).length);
    connection.closed();
  }
});

test("a server gives window back only for what the handler has pulled", async () => {
  let pull: (() => Promise<IteratorResult<Uint8Array>>) | undefined;
  const handler: HttpHandler = ({ body }) => {
    const iterator = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    pull = () => iterator.next();
    return new Promise(() => undefined);
  };
  const { connection, frames } = http2Conversation(handler, { http2: { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 } });
  connection.receive(joined(open, headers(1, post, false)));
  for (let index = 0; index < 4; index += 1) connection.receive(data(1, Buffer.alloc(16_000)));
  await turn();
  const grown = (id: number): number =>
    frames()
      .filter((one) => one.type === 8 && one.id === id)
      .reduce((sum, one) => sum + one.number, 0);
  assert.deepEqual([grown(0), grown(1)], [0, 0]);
  for (let index = 0; index < 3; index += 1) await pull?.();
  await turn();
  assert.deepEqual([grown(0), grown(1)], [48_000, 48_000]);
  connection.receive(data(1, Buffer.alloc(1600)));
  connection.receive(joined(...Array.from({ length: 4 }, () => data(1, Buffer.alloc(16_000)))));
  await turn();
  assert.equal(frames().find((one) => one.type === 3)?.number ?? frames().find((one) => one.type === 7)?.number, 3);
});

test("a streamed answer is pulled no faster than its client reads", async () => {
  let pulled = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      pulled += 1;
      yield Buffer.alloc(8000);
    }
  }
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [], body: chunks() }));
  connection.receive(joined(open, headers(1, get)));
  for (let index = 0; index < 30; index += 1) await turn();
  assert.equal(content(frames(), 1).length, 65_535);
  assert.ok(pulled <= 12, `${pulled} chunks were pulled`);
  connection.receive(numberFrame(3, 1, 8));
  await turn();
  assert.ok(pulled <= 12);
});

test("extended CONNECT hands the stream over, with the windows as back-pressure", async () => {
  let duplex: ByteDuplex | undefined;
  const { connection, frames } = http2Conversation(async (request) => {
    assert.equal(request.upgrade, "websocket");
    return { status: 200, headers: [], takeOver: (got) => (duplex = got) };
  });
  const fields = [":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/chat", ":authority", "a.example"];
  connection.receive(joined(preface, settings([4, 20]), headers(1, fields, false), data(1, "early")));
  await until(() => duplex !== undefined);
  const iterator = (duplex as ByteDuplex)[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), "early");
  await duplex?.write(bytesOf("x".repeat(30)));
  await turn();
  assert.equal(content(frames(), 1).length, 20);
  connection.receive(joined(numberFrame(8, 1, 100), data(1, "late", true)));
  assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), "late");
  assert.equal((await iterator.next()).done, true);
  duplex?.end();
  await turn();
  assert.deepEqual(told(frames(), 1), ["HEADERS", "DATA", "DATA:END"]);
  await assert.rejects(duplex?.write(bytesOf("x")) ?? Promise.resolve());
});

test("a request whose body does not come is answered 408, and one whose client shuts its window is reset", async () => {
  const clock = new VirtualClock();
  const {
    connection,
    frames,
    settings: made,
  } = http2Conversation(async ({ target }) => ({ status: 200, headers: [], body: Buffer.alloc(target === "/" ? 100 : 1) }), { clock });
  connection.receive(
    joined(preface, settings([4, 0]), frame([4, 1], 0), headers(1, get), headers(3, [...post, "content-length", "5"], false)),
  );
  await turn();
  clock.advance(15_100);
  await turn();
  assert.equal(frames().find((one) => one.id === 3)?.fields[0], ":status: 408");
  clock.advance(16_000);
  await turn();
  assert.equal(frames().find((one) => one.id === 1 && one.type === 3)?.number, 8);
  assert.equal(made.counters.refusals["WINDOW_STALLED"], 1);
});

test("a client that takes one byte at a time is given up like one that takes none", async () => {
  const clock = new VirtualClock();
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [], body: Buffer.alloc(10_000) }), { clock });
  connection.receive(joined(preface, settings([4, 0]), frame([4, 1], 0), headers(1, get)));
  for (let second = 0; second < 40; second += 1) {
    connection.receive(numberFrame(8, 1, 1));
    await turn();
    clock.advance(1000);
  }
  await turn();
  assert.equal(frames().find((one) => one.type === 3)?.number, 8);
  assert.ok(content(frames(), 1).length <= 35);
});

test("bodies that nobody read give their part of the connection's window back", async () => {
  const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [] }), {
    http2: { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 },
  });
  connection.receive(open);
  for (let id = 1; id < 60; id += 2) {
    connection.receive(joined(headers(id, post, false), data(id, Buffer.alloc(16_000))));
    await turn();
    connection.receive(numberFrame(3, id, 8));
  }
  await turn();
  assert.deepEqual(
    frames().filter((one) => one.type === 7),
    [],
  );
  const grown = frames().filter((one) => one.type === 8 && one.id === 0);
  assert.ok(grown.reduce((sum, one) => sum + one.number, 0) >= 30 * 16_000 - 65_535);
});
