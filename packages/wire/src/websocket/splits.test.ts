import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { bytesOf, type SentFrame } from "./fixtures/frames.ts";
import { memoryPeer, messageLine, randomFrom, saidIn, settled } from "./fixtures/memory-peer.ts";

const durationMs = Number(process.env["WEIR_FUZZ_MS"] ?? 2000);
const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 2 ** 31);
const deflate = { sendTakeover: false, receiveTakeover: false, sendWindowBits: 15 };
const limits = { messageBytesMax: 2000, frameBytesMax: 1500, fragmentsMax: 8, emptyFragmentsMax: 2, controlFramesPerSecondMax: 20 };

const squeezed = deflateRawSync("squeezed ".repeat(40), { finishFlush: 2 }).subarray(0, -4);
const bomb = deflateRawSync("0".repeat(100_000), { finishFlush: 2 }).subarray(0, -4);
const close: SentFrame = { opcode: 8, payload: Buffer.from([3, 232, 98, 121, 101]) };
const streams: SentFrame[][] = [
  [{ opcode: 1, payload: "κόσμε" }, { opcode: 2, payload: Buffer.alloc(300, 7) }, close],
  [
    { opcode: 1, payload: "one", fin: false },
    { opcode: 9, payload: "?" },
    { opcode: 0, payload: "tw", fin: false },
    { opcode: 0, payload: "o" },
    close,
  ],
  [{ opcode: 1, payload: squeezed, rsv: 4 }, { opcode: 1, payload: "plain" }, { opcode: 2, payload: squeezed, rsv: 4 }, close],
  [
    { opcode: 1, payload: squeezed.subarray(0, 5), rsv: 4, fin: false },
    { opcode: 10 },
    { opcode: 0, payload: squeezed.subarray(5) },
    close,
  ],
  [{ opcode: 1, payload: "κόσμε".repeat(20) }, { opcode: 1, payload: Buffer.from("c3a9c3", "hex") }, close],
  [
    { opcode: 2, payload: "fine" },
    { opcode: 2, payload: Buffer.alloc(1501) },
  ],
  [
    { opcode: 2, payload: Buffer.alloc(1200), fin: false },
    { opcode: 0, payload: Buffer.alloc(1200) },
  ],
  [{ opcode: 1, payload: "fine" }, { opcode: 1, payload: bomb, rsv: 4 }, { opcode: 9 }],
  [{ opcode: 1, payload: "x", rsv: 4 }, close],
  [{ opcode: 1, fin: false }, { opcode: 0, fin: false }, { opcode: 0, fin: false }, { opcode: 0 }, close],
  [{ opcode: 9, payload: "a" }, { opcode: 9, payload: "b" }, { opcode: 11 }, close],
  [{ opcode: 1, payload: "Hello", lengthBits: 64 }],
  [
    { opcode: 1, payload: "Hello" },
    { opcode: 0, payload: "Hello" },
  ],
  [
    { opcode: 8, payload: "a" },
    { opcode: 1, payload: "late" },
  ],
];

interface Outcome {
  readonly told: readonly string[];
  readonly said: readonly string[];
  readonly end: string;
}

/** What a connection tells and says when these pieces come, by a listener or by iteration. */
async function outcomeOf(pieces: readonly Uint8Array[], role: "server" | "client", pulled: boolean): Promise<Outcome> {
  const peer = memoryPeer({ role, deflate }, { deflate: { thresholdBytes: Infinity }, limits });
  const { connection } = peer;
  const told: string[] = [];
  let over: Promise<void> = Promise.resolve();
  if (pulled) {
    over = (async () => {
      for await (const data of connection.messages) told.push(messageLine(data));
    })().catch(() => undefined);
  } else connection.listen({ message: (_session, data) => void told.push(messageLine(data)) });
  for (const piece of pieces) {
    connection.receive(Buffer.from(piece));
    await Promise.resolve();
  }
  connection.end();
  const { code, clean, error } = await connection.whenClosed;
  await over;
  return { told, said: saidIn(peer.frames()), end: `${code} ${clean} ${error?.reason ?? ""}` };
}

for (const [index, stream] of streams.entries()) {
  for (const role of ["server", "client"] as const) {
    const bytes = Buffer.concat(stream.map((frame) => bytesOf(frame, role === "server")));
    test(`${role} tells the same of stream ${index}, wherever its bytes are cut`, async () => {
      const whole = await outcomeOf([bytes], role, false);
      assert.ok(!whole.end.includes("HANDLER_FAILED"), whole.end);
      for (const pulled of [false, true]) {
        const octets = Array.from(bytes, (byte) => Buffer.from([byte]));
        assert.deepEqual(await outcomeOf(octets, role, pulled), whole, "byte by byte");
        const step = bytes.length > 400 ? 7 : 1;
        for (let cut = 0; cut <= bytes.length; cut += step) {
          assert.deepEqual(await outcomeOf([bytes.subarray(0, cut), bytes.subarray(cut)], role, pulled), whole, `cut at ${cut}`);
        }
      }
    });
  }
}

test(`random bytes end in messages or an error, the same in any pieces (seed ${seed}, ${durationMs} ms)`, async () => {
  const random = randomFrom(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const untilMs = performance.now() + durationMs;
  let inputs = 0;
  for (; performance.now() < untilMs; inputs += 1) {
    const role = below(2) === 0 ? "server" : "client";
    const frames = Array.from({ length: 1 + below(5) }, () => randomFrame(below));
    const bytes = Buffer.concat(frames.map((frame) => bytesOf(frame, role === "server")));
    for (let flips = below(3); flips > 0 && bytes.length > 0; flips -= 1) bytes[below(bytes.length)] = below(256);
    const whole = await outcomeOf([bytes], role, false);
    const cuts = [below(bytes.length + 1), below(bytes.length + 1)].toSorted((one, other) => one - other);
    const pieces = [bytes.subarray(0, cuts[0]), bytes.subarray(cuts[0], cuts[1]), bytes.subarray(cuts[1])];
    const input = `seed ${seed}, input ${inputs}: ${bytes.toString("hex")}`;
    assert.deepEqual(await outcomeOf(pieces, role, below(2) === 0), whole, input);
    assert.ok(!whole.end.includes("HANDLER_FAILED"), input);
    if (inputs % 64 === 0) await settled();
  }
  assert.ok(inputs > 100, `only ${inputs} inputs`);
});

function randomFrame(below: (bound: number) => number): SentFrame {
  const opcode = [0, 1, 1, 2, 2, 8, 9, 10, below(16)][below(9)] as number;
  const payload = [Buffer.from("text é"), squeezed, Buffer.alloc(below(40), below(256)), Buffer.alloc(0), Buffer.from([3, 232])][below(5)];
  return { opcode, payload: payload as Buffer, fin: below(4) > 0, rsv: [0, 0, 0, 4, below(8)][below(5)] as number };
}
