import assert from "node:assert/strict";
import http from "node:http";
import http2 from "node:http2";
import { test, type TestContext } from "node:test";
import { createClient } from "./client.ts";
import { interimMax, type Exchange, type HeaderList, type HttpHandler } from "./http.ts";
import { readBody } from "./read-body.ts";
import { createServer } from "./server.ts";
import { bytesOf, conversation } from "./testing/conversation.ts";
import { get, headers, http2Conversation, joined, preface, settings, told } from "./testing/http2-wire.ts";
import { turn } from "./testing/turns.ts";

type Heard = (readonly [status: number, ...headers: string[]])[];

const early: HttpHandler = (_request, exchange) => {
  exchange.interim?.(102, []);
  exchange.interim?.(103, ["link", "</a.css>; rel=preload", "link", "</b.js>"]);
  return Promise.resolve({ status: 200, headers: ["x-last", "1"], body: Buffer.from("done") });
};

async function listening(t: TestContext, handler: HttpHandler): Promise<number> {
  const server = createServer(handler);
  t.after(() => server.close());
  return (await server.listen({ port: 0 })).port;
}

for (const [from, to] of [
  ["1.1", "1.1"],
  ["1.1", "2"],
  ["2", "1.1"],
  ["2", "2"],
] as const) {
  test(`interim answers pass a proxy from HTTP/${from} to HTTP/${to}`, async (t) => {
    const origin = createClient({ host: "127.0.0.1", port: await listening(t, early), http2: from === "2" });
    const proxy: HttpHandler = (request, exchange) => origin.request(request, { interimTo: exchange });
    const client = createClient({ host: "127.0.0.1", port: await listening(t, proxy), http2: to === "2" });
    t.after(() => Promise.all([origin.close(), client.close()]));
    for (let round = 0; round < 3; round += 1) {
      const heard: Heard = [];
      const interim = (status: number, list: HeaderList): void => void heard.push([status, ...list]);
      const answer = await client.request({ method: "GET", target: "/", headers: [] }, { interimTo: { interim } });
      assert.deepEqual([answer.status, answer.headers.includes("x-last"), answer.headers.includes("link")], [200, true, false]);
      assert.equal(Buffer.from(await readBody(answer.body, 100)).toString(), "done");
      assert.deepEqual(heard, [[102], [103, "link", "</a.css>; rel=preload", "link", "</b.js>"]]);
    }
  });
}

test("node:http and node:http2 hear interim answers", async (t) => {
  const port = await listening(t, early);
  const heard: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    const request = http.get({ port, host: "127.0.0.1" }, (response) => response.resume().on("end", resolve));
    request.on("information", (info) => void heard.push([info.statusCode, info.headers["link"]])).on("error", reject);
  });
  const session = http2.connect(`http://127.0.0.1:${port}`);
  t.after(() => session.close());
  await new Promise<void>((resolve, reject) => {
    const stream = session.request({ ":path": "/" });
    stream.on("headers", (list: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader) => {
      heard.push([list[":status"], list["link"]]);
    });
    stream.on("end", resolve).on("error", reject).resume();
  });
  const links = "</a.css>; rel=preload, </b.js>";
  assert.deepEqual(heard, [
    [102, undefined],
    [103, links],
    [102, undefined],
    [103, links],
  ]);
});

/** A handler that answers when told to, and the exchanges that it was asked by. */
function held(): { handler: HttpHandler; exchanges: Exchange[]; answer: (() => void)[] } {
  const exchanges: Exchange[] = [];
  const answer: (() => void)[] = [];
  const handler: HttpHandler = (_request, exchange) => {
    exchanges.push(exchange);
    return new Promise((resolve) => void answer.push(() => resolve({ status: 200, headers: ["date", String(answer.length)] })));
  };
  return { handler, exchanges, answer };
}

const http1Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const hint = "HTTP/1.1 103 Early Hints\r\n";

test("an interim answer waits for the answers before it, and leaves at once in its turn", async () => {
  const { handler, exchanges, answer } = held();
  const { connection, output } = conversation(handler);
  connection.receive(bytesOf(http1Get + http1Get));
  exchanges[1]?.interim?.(103, ["x-of", "second"]);
  assert.equal(output.text(), "");
  exchanges[0]?.interim?.(103, ["x-of", "first"]);
  assert.equal(output.text(), `${hint}x-of: first\r\n\r\n`);
  answer[0]?.();
  await turn();
  assert.match(output.text(), /first\r\n\r\nHTTP\/1\.1 200 [^]*\r\n\r\nHTTP\/1\.1 103 Early Hints\r\nx-of: second\r\n\r\n$/);
  answer[1]?.();
  await turn();
  assert.equal(output.text().match(/HTTP\/1\.1 200/g)?.length, 2);
});

test("nothing is said ahead of an answer that could split it, or that a client may not understand", async () => {
  for (const [head, list, status] of [
    [http1Get, ["a", "b\r\nx: y"], 103],
    [http1Get, ["content-length", "5"], 103],
    [http1Get, ["transfer-encoding", "chunked"], 103],
    [http1Get, ["A", "b"], 103],
    [http1Get, [], 100],
    [http1Get, [], 101],
    [http1Get, [], 200],
    [http1Get, [], 99],
    ["GET / HTTP/1.0\r\n\r\n", [], 103],
  ] as const) {
    const { handler, exchanges, answer } = held();
    const { connection, output } = conversation(handler);
    connection.receive(bytesOf(head));
    exchanges[0]?.interim?.(status, [...list]);
    assert.equal(output.text(), "");
    answer[0]?.();
    await turn();
    assert.match(output.text(), /^HTTP\/1\.1 200 OK\r\n/);
    exchanges[0]?.interim?.(103, []);
    assert.doesNotMatch(output.text(), / 103 /);
  }
});

test("of interim answers so many are sent and no more, by either protocol", async () => {
  const one = held();
  const { connection, output } = conversation(one.handler);
  connection.receive(bytesOf(http1Get));
  for (let count = 0; count < 40; count += 1) one.exchanges[0]?.interim?.(103, []);
  assert.equal(output.text(), `${hint}\r\n`.repeat(interimMax));
  const two = held();
  const dialogue = http2Conversation(two.handler);
  dialogue.connection.receive(joined(preface, settings(), headers(1, get)));
  await turn();
  for (let count = 0; count < 40; count += 1) two.exchanges[0]?.interim?.(103, ["x-count", String(count)]);
  await turn();
  assert.deepEqual(told(dialogue.frames(), 1), Array(interimMax).fill("HEADERS"));
  two.answer[0]?.();
  await turn();
  two.exchanges[0]?.interim?.(103, []);
  await turn();
  assert.deepEqual(told(dialogue.frames(), 1).slice(interimMax), ["HEADERS:END"]);
  assert.deepEqual(dialogue.frames().find(({ id }) => id === 1)?.fields, [":status: 103", "x-count: 0"]);
});

test("an interim answer of HTTP/2 that cannot be said leaves the others as they are", async () => {
  const { handler, exchanges, answer } = held();
  const { connection, frames } = http2Conversation(handler);
  connection.receive(joined(preface, settings(), headers(1, get)));
  await turn();
  for (const list of [
    ["x-one", "1"],
    ["x-one", "1\r\nx: y"],
    ["te", "x"],
    ["x-one", "1"],
  ])
    exchanges[0]?.interim?.(103, list);
  answer[0]?.();
  await turn();
  const [one, other, last] = frames().flatMap(({ id, fields }) => (id === 1 ? [fields] : []));
  assert.deepEqual([one, other, last?.[0]], [[":status: 103", "x-one: 1"], [":status: 103", "x-one: 1"], ":status: 200"]);
});
