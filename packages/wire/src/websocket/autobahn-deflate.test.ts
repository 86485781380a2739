// Sections 12 and 13 of the Autobahn WebSocket test suite, written anew: permessage-deflate with its offers and sizes.
// The original sends 1,000 messages a case; here it is 4, each compressed by zlib and not by the code under test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync, type DeflateRaw, type InflateRaw } from "node:zlib";
import type { HttpRequest } from "../http.ts";
import { deflateSettingsFrom } from "./deflate-options.ts";
import { bytesOf, framesIn, type ReadFrame } from "./fixtures/frames.ts";
import { memoryPeer, messageLine, randomFrom, settled, type MemoryPeer } from "./fixtures/memory-peer.ts";
import { acceptHandshake } from "./handshake.ts";

const messagesPerCase = 4;
const tail = Buffer.from([0, 0, 255, 255]);
/** Length of a message and of its fragments, 0 for none: x.1 to x.18. */
const sizes: [number, number][] = [
  ...[16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072].map((size): [number, number] => [size, 0]),
  ...[8192, 16_384, 32_768, 65_536, 131_072].map((size): [number, number] => [size, 256]),
  [131_072, 1024],
  [131_072, 4096],
  [131_072, 32_768],
];
const offers: [string, string][] = [
  ["13.1", "permessage-deflate"],
  ["13.2", "permessage-deflate; server_no_context_takeover"],
  ["13.3", "permessage-deflate; server_max_window_bits=9; client_max_window_bits"],
  ["13.4", "permessage-deflate; server_max_window_bits=15; client_max_window_bits"],
  ["13.5", "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9"],
  ["13.6", "permessage-deflate; server_no_context_takeover; server_max_window_bits=15; client_max_window_bits=10"],
  ["13.7", "permessage-deflate; server_max_window_bits=8, permessage-deflate; unknown=1, permessage-deflate"],
];

const words = ["river", "weir", "spillway", '{"id":', "1024,", "流", "ß", " ", "\n", "the", "sluice", "0.75"];
const random = randomFrom(20_260_804);
function wordsOf(length: number): string {
  const drawn: string[] = [];
  for (let bytes = 0; bytes < length; bytes += Buffer.byteLength(drawn.at(-1) ?? ""))
    drawn.push(words[Math.floor(random() * words.length)] ?? "");
  return drawn.join("");
}
const noise = (length: number): Buffer => Buffer.alloc(length).map(() => random() * 256) as Buffer;
/** Sections 12.1 to 12.5 differ in what is sent: one letter, JSON and prose, bytes that do not shrink. */
const kinds: [string, (length: number) => string | Buffer][] = [
  ["12.1", (length) => "*".repeat(length)],
  ["12.2", wordsOf],
  ["12.3", (length) => Buffer.from(wordsOf(length))],
  ["12.4", (length) => Buffer.alloc(length)],
  ["12.5", noise],
];

function through(stream: DeflateRaw | InflateRaw, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const onData = (chunk: Buffer): void => void chunks.push(chunk);
    stream.on("data", onData).once("error", reject).write(bytes);
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      stream.off("data", onData).off("error", reject);
      resolve(Buffer.concat(chunks));
    });
  });
}

interface Talk {
  readonly offer: string;
  readonly takeover: boolean;
  readonly make: (length: number) => string | Buffer;
  readonly size: readonly [number, number];
}

/** Sends compressed messages to an echo of ours and reads what comes back. */
async function talk({ offer, takeover, make, size: [length, fragment] }: Talk): Promise<void> {
  const deflate = { thresholdBytes: 0, contextTakeover: takeover };
  const headers = ["sec-websocket-version", "13", "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-extensions", offer];
  const request: HttpRequest = { method: "GET", target: "/", authority: "localhost", headers, body: undefined, upgrade: "websocket" };
  const agreed = acceptHandshake(request, { protocols: [], origins: "any", deflate: deflateSettingsFrom(deflate) });
  const answer = agreed.headers.join(" ");
  assert.match(answer, /permessage-deflate/);
  const options = { deflate, limits: { sendBytesMax: Infinity, sendFrameBytesMax: fragment || Infinity } };
  const peer = memoryPeer({ role: "server", deflate: agreed.deflate }, options);
  peer.connection.listen({ message: (session, data) => session.send(data) });
  const ours = answer.includes("client_no_context_takeover") ? undefined : createDeflateRaw();
  const theirs = createInflateRaw();
  const wanted: string[] = [];
  const found: string[] = [];
  for (let count = 0; count < messagesPerCase; count += 1) {
    const message = make(length);
    wanted.push(messageLine(message));
    const bytes = Buffer.from(message);
    const whole = ours === undefined ? deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }) : await through(ours, bytes);
    const payload = whole.subarray(0, whole.length - tail.length);
    const step = fragment || payload.length || 1;
    for (let at = 0; at < Math.max(payload.length, 1); at += step) {
      const opcode = at > 0 ? 0 : typeof message === "string" ? 1 : 2;
      const frame = { opcode, rsv: at > 0 ? 0 : 4, payload: payload.subarray(at, at + step), fin: at + step >= payload.length };
      peer.connection.receive(bytesOf(frame, true));
    }
    const echo = await echoed(peer);
    assert.ok(echo.every((frame) => fragment === 0 || frame.payload.length <= fragment));
    assert.equal(echo[0]?.rsv, 4, "the echo is compressed");
    const inflated = await through(theirs, Buffer.concat([...echo.map((frame) => frame.payload), tail]));
    found.push(messageLine(echo[0]?.opcode === 1 ? inflated.toString() : inflated));
    if (answer.includes("server_no_context_takeover")) theirs.reset();
  }
  assert.deepEqual(found, wanted);
  peer.connection.destroy();
  ours?.destroy();
  theirs.destroy();
}

/** The frames of one message once its last has come; they leave in one tick. */
async function echoed(peer: MemoryPeer): Promise<ReadFrame[]> {
  const untilMs = performance.now() + 5000;
  for (const before = peer.written.bytes; peer.written.bytes === before; await settled()) {
    assert.ok(performance.now() < untilMs, "an echo within 5 seconds");
  }
  return framesIn(peer.take());
}

for (const [section, make] of kinds) {
  for (const [index, size] of sizes.entries()) {
    const about = `${messagesPerCase} messages of ${size[0]} bytes${size[1] === 0 ? "" : ` in fragments of ${size[1]}`}`;
    test(`autobahn ${section}.${index + 1}: ${about}`, () => talk({ offer: "permessage-deflate", takeover: false, make, size }));
  }
}
for (const [section, offer] of offers) {
  for (const [index, size] of sizes.entries()) {
    // Every third size without takeover, too: the other sizes add nothing but time.
    const about = `${offer}, ${size[0]} bytes${size[1] === 0 ? "" : ` in fragments of ${size[1]}`}`;
    test(`autobahn ${section}.${index + 1}: ${about}`, async () => {
      await talk({ offer, takeover: true, make: wordsOf, size });
      if (index % 3 === 0) await talk({ offer, takeover: false, make: wordsOf, size });
    });
  }
}
