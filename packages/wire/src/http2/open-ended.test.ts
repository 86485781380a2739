import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyStream, HttpHandler } from "../http.ts";
import { readBody } from "../read-body.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { bytesOf, content, data, frame, headers, http2Conversation, joined, post, preface, settings } from "../testing/http2-wire.ts";
import { dialogue, ok, outcome, unary } from "../testing/http2-dialogue.ts";
import { turn } from "../testing/turns.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";

const minuteMs = 60_000;
/** Frame types. */
const [reset, ping] = [3, 6];

/** Echoes each piece of a body, without bounds. */
const echo: HttpHandler = async (request, exchange) => {
  exchange.openEnded?.();
  return { status: 200, headers: [], body: request.body as BodyStream };
};

test("an exchange without bounds may be quiet for hours, and longer than a body may be", async () => {
  const clock = new VirtualClock();
  const { connection, frames } = http2Conversation(echo, { clock, limits: { bodyBytesMax: 10 } });
  connection.receive(joined(preface, settings(), frame([4, 1], 0), headers(1, post, false), data(1, "first")));
  await turn();
  let asked = 0;
  for (let third = 0; third < 360; third += 1) {
    clock.advance(minuteMs / 3);
    await turn();
    const pings = frames().filter((one) => one.type === ping).length;
    if (pings > asked) connection.receive(frame([ping, 1], 0, new Uint8Array(8)));
    asked = pings;
  }
  connection.receive(data(1, " and much later", true));
  await turn();
  assert.equal(content(frames(), 1).toString(), "first and much later");
  assert.ok(!frames().some((one) => one.type === reset));
  assert.ok(asked > 20, "it was asked whether it is there");
});

test("a client that is lost on an exchange without bounds is found out by PING", async () => {
  const clock = new VirtualClock();
  const { connection, frames, output } = http2Conversation(echo, { clock });
  connection.receive(joined(preface, settings(), frame([4, 1], 0), headers(1, post, false), data(1, "first")));
  await turn();
  clock.advance(minuteMs + 100);
  await turn();
  clock.advance(minuteMs + 100);
  await turn();
  assert.equal(frames().filter((one) => one.type === ping).length, 1);
  assert.ok(!output.destroyed);
  clock.advance(20_100);
  assert.ok(output.destroyed);
});

test("an answer that breaks off is reset with the code of its origin, unless that would be a lie", async () => {
  for (const [code, told] of [
    [8, 8],
    [11, 11],
    [0, 2],
    [7, 2],
    [undefined, 2],
  ] as const) {
    const body: BodyStream = {
      async *[Symbol.asyncIterator]() {
        yield bytesOf("x");
        throw new WireError(wireReasons.UPSTREAM_STREAM_RESET, "expected more, found a reset", { http2Code: code });
      },
    };
    const { connection, frames } = http2Conversation(async () => ({ status: 200, headers: [], body }));
    connection.receive(joined(preface, settings(), headers(1, post)));
    await turn();
    assert.equal(frames().find((one) => one.type === reset)?.number, told, `code ${code}`);
  }
});

test("a call may wait for ever for more of its body, and its origin's window, when it says so", async () => {
  const { connection, ask, clock } = dialogue({ pingMs: Infinity });
  connection.receive(settings([4, 1]));
  const answer = ask(unary, { bodyIdleMs: Infinity });
  await turn();
  connection.receive(headers(1, ok, false));
  const bytes = readBody((await answer).body, 100);
  clock.advance(3_600_000);
  connection.receive(data(1, "late", true));
  assert.equal(Buffer.from(await bytes).toString(), "late");
});

test("a connection on which many calls were given up takes no more, before its origin takes offence", async () => {
  const { connection, ask } = dialogue();
  for (let count = 0; count < 400; count += 1) {
    assert.ok(connection.room > 0, `after ${count}`);
    const controller = new AbortController();
    const answer = ask(unary, { signal: controller.signal });
    await turn();
    controller.abort();
    assert.equal(await outcome(answer), "REQUEST_CANCELLED sent=true answered=false");
  }
  assert.equal(connection.room, 0);
});
