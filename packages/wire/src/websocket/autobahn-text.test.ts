// Section 6 of the Autobahn WebSocket test suite, written anew: UTF-8 in one frame, in fragments, in every piece.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testCases, type AutobahnCase } from "./fixtures/autobahn.ts";
import { bytesOf, type SentFrame } from "./fixtures/frames.ts";
import { memoryPeer, messageLine, saidIn, settled } from "./fixtures/memory-peer.ts";

const kosme = "cebae1bdb9cf83cebcceb5";
const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

function fragments(payload: Buffer, lengths: readonly number[]): SentFrame[] {
  let at = 0;
  return lengths.map((length, index) => {
    const frame = { opcode: index === 0 ? 1 : 0, payload: payload.subarray(at, at + length), fin: index === lengths.length - 1 };
    at += length;
    return frame;
  });
}
const octets = (payload: Buffer): SentFrame[] =>
  fragments(
    payload,
    Array.from(payload, () => 1),
  );

const greeting = Buffer.from("Hello-µ@ßöäüàá-UTF-8!!");
const greetingAt = Buffer.byteLength("Hello-µ@ßöä");
const broken = bytes(`${kosme}eda080656469746564`);
const section61to63: AutobahnCase[] = [
  { id: "6.1.1", about: "empty text", send: [{ opcode: 1 }], said: ["text "] },
  { id: "6.1.2", about: "three empty fragments", send: fragments(Buffer.alloc(0), [0, 0, 0]), said: ["text "] },
  { id: "6.1.3", about: "an empty fragment on each side", send: fragments(Buffer.from("middle"), [0, 6, 0]), said: ["text middle"] },
  { id: "6.2.1", about: "text in one frame", send: [{ opcode: 1, payload: greeting }], said: [messageLine(greeting.toString())] },
  {
    id: "6.2.2",
    about: "text in two fragments between characters",
    send: fragments(greeting, [greetingAt, greeting.length - greetingAt]),
    said: [messageLine(greeting.toString())],
  },
  { id: "6.2.3", about: "text in fragments of one byte", send: octets(greeting), said: [messageLine(greeting.toString())] },
  { id: "6.2.4", about: "Greek in fragments of one byte", send: octets(bytes(kosme)), said: [messageLine(bytes(kosme).toString())] },
  { id: "6.3.1", about: "a surrogate in the middle", send: [{ opcode: 1, payload: broken }], said: ["close 1007"] },
  { id: "6.3.2", about: "a surrogate in fragments of one byte", send: octets(broken), said: ["close 1007"] },
];

/** Number, bytes in hex, whether they are UTF-8. Sections 6.5 to 6.23, in one frame and, as each of ours, byte by byte. */
const sequences: [string, string, boolean][] = [
  ["6.5.1", "cebae1bdb9cf83cebcceb5", true],
  ...["ce", "ceba", "cebae1", "cebae1bd", "cebae1bdb9", "cebae1bdb9cf", "cebae1bdb9cf83", "cebae1bdb9cf83ce", "cebae1bdb9cf83cebc"].map(
    (hex, index): [string, string, boolean] => [`6.6.${index + 1}`, hex, [1, 4, 6, 8].includes(index)],
  ),
  ["6.6.10", "cebae1bdb9cf83cebcce", false],
  ["6.6.11", "cebae1bdb9cf83cebcceb5", true],
  ...list("6.7", true, "00", "c280", "e0a080", "f0908080"),
  ...list("6.8", false, "f888808080", "fc8480808080"),
  ...list("6.9", true, "7f", "dfbf", "efbfbf", "f48fbfbf"),
  ...list("6.10", false, "f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"),
  ...list("6.11", true, "ed9fbf", "ee8080", "efbfbd", "f48fbfbf"),
  ["6.11.5", "f4908080", false],
  ...list("6.12", false, "80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf", every(0x80, 0xbf, "")),
  ...list("6.13", false, every(0xc0, 0xdf, "20"), every(0xe0, 0xef, "20"), every(0xf0, 0xf7, "20"), every(0xf8, 0xfb, "20"), "fc20fd20"),
  ...list("6.14", false, "c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"),
  ["6.15.1", "c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf", false],
  ...list("6.16", false, "fe", "ff", "fefeffff"),
  ...list("6.17", false, "c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"),
  ...list("6.18", false, "c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"),
  ...list("6.19", false, "c080", "e08080", "f0808080", "f880808080", "fc8080808080"),
  ...list("6.20", false, "eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"),
  ...list("6.21", false, "eda080edb080", "eda080edbfbf", "edadbfedb080", "edadbfedbfbf", "edae80edb080", "edae80edbfbf"),
  ["6.21.7", "edafbfedb080", false],
  ["6.21.8", "edafbfedbfbf", false],
  ...list("6.22", true, "efbfbe", "efbfbf", ...nonCharacters()),
  ...list("6.23", true, "efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"),
];

function list(section: string, valid: boolean, ...hexes: string[]): [string, string, boolean][] {
  return hexes.map((hex, index) => [`${section}.${index + 1}`, hex, valid]);
}
function every(from: number, to: number, between: string): string {
  return Array.from({ length: to - from + 1 }, (_, index) => (from + index).toString(16) + between).join("");
}
/** U+1FFFE, U+1FFFF, … U+10FFFF: valid, though no characters. */
function nonCharacters(): string[] {
  return Array.from({ length: 32 }, (_, index) =>
    Buffer.from(String.fromCodePoint(((index >> 1) + 1) * 0x1_0000 + 0xfffe + (index & 1))).toString("hex"),
  );
}

const section65to623: AutobahnCase[] = sequences.map(([id, hex, valid]) => ({
  id,
  about: `${hex.length > 40 ? `${hex.slice(0, 40)}…` : hex} is ${valid ? "" : "no "}text`,
  send: [{ opcode: 1, payload: bytes(hex) }],
  said: [valid ? messageLine(bytes(hex).toString()) : "close 1007"],
}));

testCases([...section61to63, ...section65to623]);

/** Section 6.4: the connection fails at the bad byte, not at the end of the message. */
const early: [string, string, readonly SentFrame[] | "chopped"][] = [
  ["6.4.1", "f4908080", fragments(bytes(`${kosme}f4908080656469746564`), [11, 4, 6]).slice(0, 2)],
  ["6.4.2", "f490", fragments(bytes(`${kosme}f4908080656469746564`), [12, 1, 8]).slice(0, 2)],
  ["6.4.3", "f4908080", "chopped"],
  ["6.4.4", "f490", "chopped"],
];
for (const [id, bad, sent] of early) {
  test(`autobahn ${id}: the connection fails at the bad byte of a text that is not whole`, async () => {
    for (const role of ["server", "client"] as const) {
      const peer = memoryPeer({ role });
      peer.connection.listen({ message: (session, data) => void session.trySend(data) });
      const masked = role === "server";
      if (sent === "chopped") {
        const all = bytesOf({ opcode: 1, payload: bytes(`${kosme}f4908080656469746564`) }, masked);
        peer.connection.receive(Buffer.from(all.subarray(0, all.length - 10 + bad.length / 2)));
      } else for (const frame of sent) peer.connection.receive(bytesOf(frame, masked));
      await settled();
      assert.deepEqual(saidIn(peer.frames()), ["close 1007"], role);
    }
  });
}
