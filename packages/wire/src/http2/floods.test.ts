import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpHandler } from "../http.ts";
import {
  block,
  bytesOf,
  data,
  frame,
  get,
  headers,
  http2Conversation,
  joined,
  numberFrame,
  post,
  preface,
  settings,
} from "../testing/http2-wire.ts";
import { turn } from "../testing/turns.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import type { Http2Limits } from "./limits.ts";

interface Flood {
  readonly name: string;
  readonly reason: string;
  readonly limits?: Partial<Http2Limits>;
  /** Bytes before the flood. */
  readonly first?: Uint8Array;
  /** The flood, piece by piece. */
  piece(index: number): Uint8Array;
  /** After how many pieces at the latest it has to end. */
  readonly piecesMax: number;
}

const zeros = new Uint8Array(8);
const halfOpen = headers(1, post, false);
const id = (index: number): number => index * 2 + 1;

const floods: readonly Flood[] = [
  {
    name: "rapid reset",
    reason: "RESET_FLOOD",
    piecesMax: 1002,
    piece: (index) => joined(headers(id(index), get), numberFrame(3, id(index), 8)),
  },
  {
    name: "MadeYouReset by windows of 0",
    reason: "FAULT_FLOOD",
    piecesMax: 102,
    piece: (index) => joined(headers(id(index), post, false), numberFrame(8, id(index), 0)),
  },
  {
    name: "MadeYouReset by DATA after the end",
    reason: "FAULT_FLOOD",
    piecesMax: 102,
    piece: (index) => joined(headers(id(index), get), data(id(index), "x")),
  },
  {
    name: "MadeYouReset by malformed requests",
    reason: "FAULT_FLOOD",
    piecesMax: 102,
    piece: (index) => headers(id(index), [...get, "connection", "close"]),
  },
  {
    name: "MadeYouReset by PRIORITY of a wrong length",
    reason: "FAULT_FLOOD",
    piecesMax: 102,
    piece: (index) => joined(headers(id(index), post, false), frame([2, 0], id(index), new Uint8Array(4))),
  },
  {
    name: "CONTINUATION without end",
    reason: "CONTINUATION_FLOOD",
    first: frame([1, 1], 1, block(...get)),
    piecesMax: 33,
    piece: () => frame([9, 0], 1, block("x", "y")),
  },
  {
    name: "a header block without end",
    reason: "CONTINUATION_FLOOD",
    first: frame([1, 1], 1, block(...get)),
    piecesMax: 5,
    piece: () => frame([9, 0], 1, block("x", "y".repeat(16_000))),
  },
  { name: "empty DATA", reason: "EMPTY_FRAME_FLOOD", first: halfOpen, piecesMax: 202, piece: () => data(1, "") },
  { name: "PING", reason: "PING_FLOOD", piecesMax: 2002, piece: () => frame([6, 0], 0, zeros) },
  { name: "confirmed PING", reason: "PING_FLOOD", piecesMax: 2002, piece: () => frame([6, 1], 0, zeros) },
  { name: "SETTINGS", reason: "SETTINGS_FLOOD", piecesMax: 2002, piece: (index) => settings([4, index]) },
  { name: "WINDOW_UPDATE", reason: "WINDOW_FLOOD", first: halfOpen, piecesMax: 2002, piece: () => numberFrame(8, 1, 1) },
  { name: "PRIORITY", reason: "CONTROL_FLOOD", piecesMax: 2002, piece: () => frame([2, 0], 77, new Uint8Array(5)) },
  { name: "unknown frames", reason: "CONTROL_FLOOD", piecesMax: 2002, piece: () => frame([99, 0], 0, zeros) },
  {
    name: "RST_STREAM of streams that are over",
    reason: "CONTROL_FLOOD",
    first: joined(halfOpen, numberFrame(3, 1, 8)),
    piecesMax: 2002,
    piece: () => numberFrame(3, 1, 8),
  },
];

for (const flood of floods) {
  test(`a server ends a connection that floods it with ${flood.name}, and counts it`, async () => {
    const clock = new VirtualClock();
    const handler: HttpHandler = () => new Promise(() => undefined);
    const { connection, output, frames, settings: made } = http2Conversation(handler, { clock, http2: flood.limits ?? {} });
    connection.receive(joined(preface, settings(), frame([4, 1], 0)));
    if (flood.first !== undefined) connection.receive(flood.first);
    let pieces = 0;
    while (!output.ended && pieces <= flood.piecesMax) {
      connection.receive(flood.piece(pieces));
      pieces += 1;
    }
    await turn();
    assert.ok(output.ended, `${flood.piecesMax} pieces were borne`);
    assert.equal(frames().findLast((one) => one.type === 7)?.number, 11);
    assert.equal(made.counters.refusals[flood.reason], 1, JSON.stringify(made.counters.refusals));
    connection.closed();
  });
}

test("a budget comes back with time, so that what a peer does now and then is no flood", async () => {
  const clock = new VirtualClock();
  const { connection, output } = http2Conversation(async () => ({ status: 200, headers: [] }), { clock });
  connection.receive(joined(preface, settings(), frame([4, 1], 0)));
  for (let index = 0; index < 3000; index += 1) {
    connection.receive(joined(headers(id(index), get), numberFrame(3, id(index), 8)));
    clock.advance(35);
    if (index % 50 === 0) await turn();
  }
  assert.ok(!output.ended);
});

test("a client that reads what it is sent may say as much as it takes", async () => {
  const { connection, output, frames } = http2Conversation(async () => ({ status: 200, headers: [], body: Buffer.alloc(16_384 * 4) }));
  connection.receive(joined(preface, settings(), frame([4, 1], 0)));
  for (let index = 0; index < 1500; index += 1) {
    connection.receive(headers(id(index), get));
    await turn();
    output.writes.length = 0;
    connection.receive(joined(numberFrame(8, 0, 65_536), numberFrame(8, id(index), 1), frame([6, 0], 0, zeros)));
  }
  await turn();
  assert.ok(!output.ended, JSON.stringify(frames().at(-1)));
});

test("answers to control frames that nobody reads are bounded", () => {
  const {
    connection,
    output,
    settings: made,
  } = http2Conversation(() => new Promise(() => undefined), { http2: { controlFramesMax: 1e9 } }, 100);
  connection.receive(joined(preface, settings()));
  for (let index = 0; index < 10_000 && !output.ended; index += 1) connection.receive(frame([6, 0], 0, zeros));
  assert.ok(output.ended);
  assert.equal(made.counters.refusals["OUTPUT_STALLED"], 1);
});

test("resets of streams that nobody reads are bounded", () => {
  const { connection, output, settings: made } = http2Conversation(() => new Promise(() => undefined), {}, 100);
  connection.receive(joined(preface, settings()));
  for (let index = 0; index < 20_000 && !output.ended; index += 1) connection.receive(headers(id(index), get));
  assert.ok(output.ended);
  assert.equal(made.counters.refusals["OUTPUT_STALLED"], 1);
});

test("a header block that says a long field again and again is refused with bounded memory", async () => {
  let asked = 0;
  const { connection, frames } = http2Conversation(async () => {
    asked += 1;
    return { status: 200, headers: [] };
  });
  const long = joined(Uint8Array.of(0x40, 1), bytesOf("x"), Uint8Array.of(0x7f, 0xe1, 0x1d), new Uint8Array(3936).fill(97));
  const bomb = joined(block(...get), long, new Uint8Array(10_000).fill(0xbe));
  connection.receive(joined(preface, settings(), frame([1, 5], 1, bomb), headers(3, get)));
  await turn();
  assert.equal(asked, 1);
  const statuses = frames()
    .filter((one) => one.type === 1)
    .map((one) => one.fields[0]);
  assert.deepEqual(new Set(statuses), new Set([":status: 200", ":status: 431"]));
});

test("DATA beyond the windows ends the stream or the connection", async () => {
  for (const [limits, type] of [
    [{ streamWindowBytes: 65_535, connectionWindowBytes: 1_048_576 }, 3],
    [{ streamWindowBytes: 1_048_576, connectionWindowBytes: 65_535 }, 7],
  ] as const) {
    const { connection, frames } = http2Conversation(() => new Promise(() => undefined), { http2: limits });
    connection.receive(joined(preface, settings(), frame([4, 1], 0), halfOpen));
    for (let index = 0; index < 5; index += 1) connection.receive(data(1, new Uint8Array(16_384)));
    await turn();
    assert.equal(frames().find((one) => one.type === type)?.number, 3);
  }
});
