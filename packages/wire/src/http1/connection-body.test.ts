import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyStream, HttpHandler } from "../http.ts";
import { readBody } from "../read-body.ts";
import { bytesOf, conversation } from "../testing/conversation.ts";
import { openBody } from "../testing/open-body.ts";
import { turn, until } from "../testing/turns.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function answering(text: string): HttpHandler {
  return async () => ({ status: 200, headers: ["date", "now"], body: Buffer.from(text) });
}

test("connection says 100 Continue when the handler first asks for the body", async () => {
  let ask: (() => void) | undefined;
  const handler: HttpHandler = async (request) => {
    await new Promise<void>((resolve) => {
      ask = resolve;
    });
    return { status: 200, headers: ["date", "now"], body: await readBody(request.body, 100) };
  };
  const { connection, output } = conversation(handler);
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n"));
  await turn();
  assert.equal(output.text(), "");
  ask?.();
  await turn();
  assert.equal(output.text(), "HTTP/1.1 100 Continue\r\n\r\n");
  connection.receive(bytesOf(`hello${get}`));
  await turn();
  ask?.();
  await turn();
  assert.equal(
    output.text(),
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 0\r\n\r\n",
  );
});

test("connection closes when the handler answers without the body that the client waits to send", async () => {
  const { connection, output } = conversation(answering("no"));
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
  await turn();
  assert.match(output.text(), /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n\r\nno$/);
  assert.equal(output.ended, true);
});

test("connection skips a short body that nobody read and serves the next request", async () => {
  const { connection, output } = conversation(answering("ok"), { limits: { inlineBytesMax: 4, unreadBytesMax: 10 } });
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nabc"));
  await turn();
  assert.doesNotMatch(output.text(), /close/);
  connection.receive(bytesOf(`defgh${get}`));
  await turn();
  assert.equal(output.text().match(/200 OK/g)?.length, 2);
});

test("connection closes over a long body that nobody read", async () => {
  const { connection, output } = conversation(answering("ok"), { limits: { inlineBytesMax: 4, unreadBytesMax: 10 } });
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 80\r\n\r\nabc"));
  await turn();
  assert.match(output.text(), /connection: close/);
  assert.equal(output.ended, true);
  connection.receive(bytesOf("x".repeat(300_000)));
  assert.equal(output.destroyed, true, "what comes after the end is bounded");
});

test("connection closes when a handler leaves a body in the middle", async () => {
  const handler: HttpHandler = async (request) => {
    for await (const _chunk of request.body as BodyStream) break;
    return { status: 200, headers: [] };
  };
  const { connection, output } = conversation(handler, { limits: { inlineBytesMax: 4 } });
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nabc"));
  await until(() => output.ended);
  assert.match(output.text(), /connection: close/);
});

test("connection reads a body only while it is asked for", async () => {
  let body: BodyStream | undefined;
  const { connection, output } = conversation((request) => {
    body = request.body as BodyStream;
    return new Promise(() => undefined);
  });
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
  assert.equal(output.paused, true);
  const iterator = (body as BodyStream)[Symbol.asyncIterator]();
  assert.equal(String(Buffer.from((await iterator.next()).value as Uint8Array)), "abc");
  assert.equal(output.paused, true, "what was there already did not need reading");
  const next = iterator.next();
  assert.equal(output.paused, false);
  connection.receive(bytesOf("3\r\ndef\r\n3\r\nghi\r\n"));
  assert.equal(output.paused, true);
  assert.equal(String(Buffer.from((await next).value as Uint8Array)), "def");
});

test("connection asks a stream for no more while the client does not read", async () => {
  const body = openBody();
  const { connection, output } = conversation(async () => ({ status: 200, headers: [], body: body.stream }), {}, 10_000);
  connection.receive(bytesOf(get));
  for (let count = 0; count < 50; count += 1) {
    body.push("x".repeat(1000));
    await turn();
  }
  assert.ok(output.waiting < 12_000, `expected about 10000 bytes to wait, found ${output.waiting}`);
  const asked = body.asked();
  await turn();
  assert.equal(body.asked(), asked);
  output.drain();
  connection.drained();
  await turn();
  assert.ok(body.asked() > asked);
});

test("connection reads no requests while the client does not read answers", async () => {
  let served = 0;
  const handler: HttpHandler = async () => {
    served += 1;
    return { status: 200, headers: [], body: new Uint8Array(5000) };
  };
  const { connection, output } = conversation(handler, {}, 10_000);
  for (let count = 0; count < 20 && !output.paused; count += 1) {
    connection.receive(bytesOf(get.repeat(4)));
    await turn();
  }
  assert.equal(output.paused, true);
  assert.ok(served < 10, `expected few requests to be served, found ${served}`);
  output.drain();
  connection.drained();
  await turn();
  assert.ok(served > 3);
});
