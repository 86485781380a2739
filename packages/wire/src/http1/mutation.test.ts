import assert from "node:assert/strict";
import { test } from "node:test";
import { clientSettingsFrom } from "../client-options.ts";
import { ClientCall } from "../client-call.ts";
import { readBody } from "../read-body.ts";
import { outcomeOf, type Outcome } from "../testing/conversation.ts";
import { MemoryOutput } from "../testing/memory-output.ts";
import { turn } from "../testing/turns.ts";
import { ClientConnection } from "./client-connection.ts";

const durationMs = Number(process.env["WEIR_FUZZ_MS"] ?? 2000);
const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 2 ** 31);

/** Mulberry32: small, seeded, good enough to choose mutations. */
function randomFrom(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const requests = [
  "GET /a?b=c HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\nX-Id: 1\r\n\r\n",
  "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Sum: 12\r\n\r\n",
  "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  "HEAD http://a/x HTTP/1.1\r\nHost: a\r\nConnection: x-hop, close\r\nX-Hop: 1\r\n\r\n",
  "PUT /%41/b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
  "\r\nOPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
];
const responses = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n",
  "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\nuntil the end",
  "HTTP/1.1 304\r\nContent-Length: 7\r\n\r\n",
];
const morsels = [
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  ":",
  "\0",
  "\x7f",
  "\x80",
  "\xff",
  "0",
  "00",
  "f",
  ";",
  ",",
  "%2e",
  "%2f",
  "/../",
  "//",
  "#",
  "Content-Length: 1\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Host: b\r\n",
  "\r\n\r\n",
  "HTTP/1.1",
  "chunked",
  "close",
];

function mutated(random: (below: number) => number, corpus: readonly string[]): string {
  let text = "";
  for (let count = 1 + random(3); count > 0; count -= 1) text += corpus[random(corpus.length)] as string;
  for (let count = random(4); count > 0; count -= 1) {
    const at = random(text.length + 1);
    const morsel = random(3) === 0 ? String.fromCharCode(random(256)) : (morsels[random(morsels.length)] as string);
    const cut = random(2) === 0 ? random(4) : 0;
    text = text.slice(0, at) + (random(3) === 0 ? "" : morsel) + text.slice(at + cut);
  }
  return text;
}

function cut(random: (below: number) => number, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = 1 + random(random(2) === 0 ? 4 : bytes.length);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

async function clientOutcome(pieces: readonly Buffer[], method: string): Promise<string> {
  const output = new MemoryOutput();
  let freed = 0;
  const connection = new ClientConnection(
    clientSettingsFrom({ host: "a", port: 80 }),
    { free: () => void (freed += 1), gone: () => undefined },
    output,
  );
  output.onDestroy = () => connection.closed();
  connection.opened();
  const events: string[] = [];
  const settled = new Promise<void>((resolve) => {
    const call = new ClientCall(
      { method, target: "/", headers: [] },
      {},
      {
        deadlineMs: Infinity,
        resolve: (response) => {
          events.push(JSON.stringify([response.status, response.headers, response.lengthOfGet]));
          readBody(response.body, 1_000_000).then(
            (body) => resolve(void events.push(Buffer.from(body).toString("latin1"))),
            (thrown: { reason: string }) => resolve(void events.push(thrown.reason)),
          );
        },
        reject: (error) => resolve(void events.push(error.reason)),
      },
    );
    connection.send(call);
  });
  for (const piece of pieces) {
    connection.receive(Buffer.from(piece), piece.length, true);
    await turn();
  }
  connection.end();
  await settled;
  // Whether an answer is handed out before its body turns out bad depends on when the body came.
  const last = events.at(-1) as string;
  return last.startsWith("UPSTREAM_") ? last : events.join("|");
}

/** A server's outcome, without what may depend on when the bytes came: 100 Continue, and requests whose body turned out bad. */
async function serverOutcome(pieces: readonly Buffer[]): Promise<Outcome> {
  const outcome = await outcomeOf(pieces, { end: true });
  return {
    ...outcome,
    requests: outcome.requests.filter((request) => !request.includes('"body":"failed: ')),
    answer: outcome.answer.replaceAll("HTTP/1.1 100 Continue\r\n\r\n", ""),
  };
}

test(`a server's connection never throws or hangs on ${durationMs} ms of broken requests, and does the same whatever the pieces (WEIR_SEED=${seed})`, async () => {
  const random = randomFrom(seed);
  const endMs = performance.now() + durationMs;
  let count = 0;
  while (performance.now() < endMs) {
    const bytes = Buffer.from(mutated(random, requests), "latin1");
    const whole = await serverOutcome([bytes]);
    assert.equal(whole.ended, true, `hangs: ${JSON.stringify(bytes.toString("latin1"))}`);
    assert.deepEqual(await serverOutcome(cut(random, bytes)), whole, JSON.stringify(bytes.toString("latin1")));
    count += 1;
  }
  assert.ok(count > 100, `expected more than 100 cases, found ${count}`);
});

test(`a client's connection never throws or hangs on ${durationMs} ms of broken answers, and does the same whatever the pieces (WEIR_SEED=${seed})`, async () => {
  const random = randomFrom(seed + 1);
  const endMs = performance.now() + durationMs;
  let count = 0;
  while (performance.now() < endMs) {
    const bytes = Buffer.from(mutated(random, responses), "latin1");
    const method = random(4) === 0 ? "HEAD" : "GET";
    const whole = await clientOutcome([bytes], method);
    assert.equal(await clientOutcome(cut(random, bytes), method), whole, JSON.stringify(bytes.toString("latin1")));
    count += 1;
  }
  assert.ok(count > 100, `expected more than 100 cases, found ${count}`);
});
