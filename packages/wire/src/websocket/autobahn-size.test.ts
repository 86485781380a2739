// Sections 9 and 10 of the Autobahn WebSocket test suite, written anew: long messages and many. The original goes to 16 MB
// in 9.1 and 9.2 and to 1,000 messages in 9.7 and 9.8; here it is 1 MB, and 200 messages, each in four ways of arriving
// and as server and client. 9.3 and 9.4 send 4 MB in fragments of 64 bytes and more; here it is 256 KB.
import { testCases, type AutobahnCase } from "./fixtures/autobahn.ts";
import type { SentFrame } from "./fixtures/frames.ts";
import { messageLine } from "./fixtures/memory-peer.ts";

const kilo = 1024;
const options = { limits: { messageBytesMax: 16 * kilo * kilo, frameBytesMax: 16 * kilo * kilo, sendBytesMax: Infinity } };

function payload(length: number, binary: boolean): string | Buffer {
  return binary ? Buffer.alloc(length, 0xfe) : "BAsd7&jh23".repeat(Math.ceil(length / 10)).slice(0, length);
}
function inFragments(whole: string | Buffer, length: number): SentFrame[] {
  const bytes = Buffer.from(whole);
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) => ({
    opcode: index > 0 ? 0 : typeof whole === "string" ? 1 : 2,
    payload: bytes.subarray(index * length, (index + 1) * length),
    fin: (index + 1) * length >= bytes.length,
  }));
}

const cases: AutobahnCase[] = [false, true].flatMap((binary) => {
  const kind = binary ? "bytes" : "text";
  const opcode = binary ? 2 : 1;
  const shift = binary ? 1 : 0;
  const large = [64, 256, kilo].map((size, index): AutobahnCase => {
    const data = payload(size * kilo, binary);
    return {
      id: `9.${1 + shift}.${index + 1}`,
      about: `${size} KB of ${kind}`,
      send: [{ opcode, payload: data }],
      said: [messageLine(data)],
      options,
    };
  });
  const data = payload(256 * kilo, binary);
  const fragmented = [64, 256, kilo, 4 * kilo, 16 * kilo, 64 * kilo, 256 * kilo].map((length, index): AutobahnCase => {
    const about = `256 KB of ${kind} in fragments of ${length} bytes`;
    return { id: `9.${3 + shift}.${index + 1}`, about, send: inFragments(data, length), said: [messageLine(data)], options };
  });
  // 9.5 and 9.6, 1 MB in one frame in chops of 64 to 2048 bytes, is 9.1.3 and 9.2.3, which arrive in 997 and at random.
  const many = [0, 16, 64, 256, kilo, 4 * kilo].map((length, index): AutobahnCase => {
    const message = payload(length, binary);
    const send = Array.from({ length: 200 }, () => ({ opcode, payload: message }));
    return {
      id: `9.${7 + shift}.${index + 1}`,
      about: `200 messages of ${length} bytes of ${kind}`,
      send,
      said: send.map(() => messageLine(message)),
      options,
    };
  });
  return [...large, ...fragmented, ...many];
});

const long = "*".repeat(65_536);
testCases([
  ...cases,
  { id: "10.1.1", about: "64 KB in fragments of 1,300 bytes", send: inFragments(long, 1300), said: [messageLine(long)] },
]);
