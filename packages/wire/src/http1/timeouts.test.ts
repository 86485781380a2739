import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyStream, HttpHandler } from "../http.ts";
import { bytesOf, conversation, type Conversation } from "../testing/conversation.ts";
import { turn } from "../testing/turns.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";

const timeouts = { headerMs: 1000, bodyIdleMs: 2000, idleMs: 5000, requestMs: 6000, writeIdleMs: 3000, lingerMs: 500 };
const slackMs = 26;

function started(handler: HttpHandler, roomBytes?: number): Conversation & { clock: VirtualClock } {
  const clock = new VirtualClock();
  return { ...conversation(handler, { clock, timeouts, limits: { inlineBytesMax: 10 } }, roomBytes), clock };
}

const ok: HttpHandler = async () => ({ status: 204, headers: [] });

test("connection that says nothing is closed after idleMs", () => {
  const { output, clock } = started(ok);
  clock.advance(timeouts.idleMs - 1);
  assert.equal(output.ended, false);
  clock.advance(1 + slackMs);
  assert.equal(output.ended, true);
  assert.equal(output.text(), "");
});

test("connection that is asked again and again is not closed", async () => {
  const { connection, output, clock } = started(ok);
  for (let count = 0; count < 10; count += 1) {
    connection.receive(bytesOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    await turn();
    clock.advance(timeouts.idleMs - 100);
  }
  assert.equal(output.ended, false);
  clock.advance(100 + slackMs);
  assert.equal(output.ended, true);
});

test("slow head is refused with HEAD_TIMEOUT after headerMs, however it trickles", () => {
  const { connection, output, clock } = started(ok);
  for (const character of "GET / HTTP") {
    connection.receive(bytesOf(character));
    clock.advance(95);
  }
  assert.equal(output.text(), "");
  clock.advance(50 + slackMs);
  assert.match(output.text(), /^HTTP\/1\.1 408 [^]*HEAD_TIMEOUT/);
  assert.equal(output.ended, true);
});

test("body that stops is refused with BODY_TIMEOUT after bodyIdleMs", () => {
  const { connection, output, clock } = started(ok);
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"));
  clock.advance(timeouts.bodyIdleMs - 1);
  connection.receive(bytesOf("a"));
  clock.advance(timeouts.bodyIdleMs - 1);
  assert.equal(output.text(), "");
  clock.advance(1 + slackMs);
  assert.match(output.text(), /^HTTP\/1\.1 408 [^]*BODY_TIMEOUT/);
});

test("body that trickles is refused with REQUEST_TIMEOUT after requestMs", async () => {
  const { connection, output, clock } = started(ok);
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"));
  for (let count = 0; count < 4; count += 1) {
    clock.advance(1400);
    connection.receive(bytesOf("a"));
  }
  assert.equal(output.text(), "");
  clock.advance(400 + slackMs);
  await turn();
  assert.match(output.text(), /^HTTP\/1\.1 408 [^]*REQUEST_TIMEOUT/);
});

test("body that nobody asks for has no deadline", () => {
  const { connection, output, clock } = started(() => new Promise(() => undefined));
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"));
  clock.advance(100_000);
  assert.equal(output.text(), "");
  assert.equal(output.ended, false);
});

test("handler that takes its time has no deadline of the wire's", () => {
  const { connection, output, clock } = started(() => new Promise(() => undefined));
  connection.receive(bytesOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  clock.advance(1_000_000);
  assert.equal(output.ended, false);
});

test("client that does not read its answer is cut after writeIdleMs", async () => {
  const body: BodyStream = (async function* () {
    for (;;) yield new Uint8Array(1000);
  })();
  const { connection, output, clock } = started(async () => ({ status: 200, headers: [], body }), 5000);
  connection.receive(bytesOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await turn();
  clock.advance(timeouts.writeIdleMs - 100);
  assert.equal(output.destroyed, false);
  clock.advance(100 + slackMs);
  assert.equal(output.destroyed, true);
});

test("client that does not end its side is cut after lingerMs", () => {
  const { connection, output, clock } = started(ok);
  connection.receive(bytesOf("bad\n"));
  assert.equal(output.ended, true);
  clock.advance(timeouts.lingerMs - 1);
  assert.equal(output.destroyed, false);
  clock.advance(1 + slackMs);
  assert.equal(output.destroyed, true);
});

test("connection that was taken over has no deadlines", async () => {
  const { connection, output, clock } = started(async () => ({ status: 101, headers: [], takeOver: () => undefined }));
  connection.receive(bytesOf("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"));
  await turn();
  clock.advance(1_000_000);
  assert.equal(output.ended || output.destroyed, false);
});
