// Sections 1 to 5 of the Autobahn WebSocket test suite, written anew: same inputs, same outcomes.
import { testCases, type AutobahnCase } from "./fixtures/autobahn.ts";
import type { SentFrame } from "./fixtures/frames.ts";
import { messageLine } from "./fixtures/memory-peer.ts";

const text = (payload: string, more: Partial<SentFrame> = {}): SentFrame => ({ opcode: 1, payload, ...more });
const more = (payload: string, rest: Partial<SentFrame> = {}): SentFrame => ({ opcode: 0, payload, ...rest });
const ping = (payload: string | Uint8Array = "", rest: Partial<SentFrame> = {}): SentFrame => ({ opcode: 9, payload, ...rest });
const pong = (payload = "", rest: Partial<SentFrame> = {}): SentFrame => ({ opcode: 10, payload, ...rest });
const hex = (payload: string | Uint8Array): string => Buffer.from(payload).toString("hex");
const failed = "close 1002";

const lengths = [0, 125, 126, 127, 128, 65_535, 65_536];
const section1: AutobahnCase[] = lengths.flatMap((length, index) => {
  const words = "*".repeat(length);
  const bytes = Buffer.alloc(length, 0xfe);
  return [
    { id: `1.1.${index + 1}`, about: `text of ${length} bytes comes back`, send: [text(words)], said: [messageLine(words)] },
    { id: `1.2.${index + 1}`, about: `${length} bytes come back`, send: [{ opcode: 2, payload: bytes }], said: [messageLine(bytes)] },
  ];
});
// 1.1.8 and 1.2.8 are 1.1.7 and 1.2.7 in chops of 997 bytes, which every case of that length has here.

const noText = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff]);
const tenPings = Array.from({ length: 10 }, (_, index) => `payload-${index}`);
const section2: AutobahnCase[] = [
  { id: "2.1", about: "ping without payload", send: [ping()], said: ["pong "] },
  { id: "2.2", about: "ping with text", send: [ping("Hello, world!")], said: [`pong ${hex("Hello, world!")}`] },
  { id: "2.3", about: "ping with bytes that are no text", send: [ping(noText)], said: [`pong ${hex(noText)}`] },
  { id: "2.4", about: "ping with 125 bytes", send: [ping(Buffer.alloc(125, 0xfe))], said: [`pong ${"fe".repeat(125)}`] },
  { id: "2.5", about: "ping with 126 bytes fails", send: [ping(Buffer.alloc(126, 0xfe))], said: [failed] },
  // 2.6 is 2.4 byte by byte, 2.11 is 2.10 byte by byte: every case is sent so.
  { id: "2.7", about: "pong nobody asked for", send: [pong()], said: [] },
  { id: "2.8", about: "pong with payload nobody asked for", send: [pong("unsolicited pong payload")], said: [] },
  { id: "2.9", about: "pong, then ping", send: [pong("unsolicited"), ping("ping payload")], said: [`pong ${hex("ping payload")}`] },
  { id: "2.10", about: "ten pings in order", send: tenPings.map((one) => ping(one)), said: tenPings.map((one) => `pong ${hex(one)}`) },
];

const hello = "Hello, world!";
const section3: AutobahnCase[] = [
  { id: "3.1", about: "RSV 1 on a text", send: [text(hello, { rsv: 1 })], said: [failed] },
  { id: "3.2", about: "RSV 2 after a text", send: [text(hello), text(hello, { rsv: 2 }), ping()], said: [messageLine(hello), failed] },
  { id: "3.3", about: "RSV 3 after a text", send: [text(hello), text(hello, { rsv: 3 }), ping()], said: [messageLine(hello), failed] },
  { id: "3.4", about: "RSV 4 after a text", send: [text(hello), text(hello, { rsv: 4 }), ping()], said: [messageLine(hello), failed] },
  { id: "3.5", about: "RSV 5 on bytes", send: [{ opcode: 2, payload: noText, rsv: 5 }], said: [failed] },
  { id: "3.6", about: "RSV 6 on a ping", send: [ping(hello, { rsv: 6 })], said: [failed] },
  { id: "3.7", about: "RSV 7 on a close", send: [{ opcode: 8, rsv: 7 }], said: [failed] },
];

const section4: AutobahnCase[] = [
  [3, 4, 5, 6, 7],
  [11, 12, 13, 14, 15],
].flatMap((reserved, group) =>
  reserved.map((opcode, index) => {
    const payload = index === 1 || index >= 3 ? "reserved opcode payload" : "";
    const bad: SentFrame = { opcode, payload };
    const alone = index < 2;
    return {
      id: `4.${group + 1}.${index + 1}`,
      about: `opcode ${opcode}`,
      send: alone ? [bad] : [text(hello), bad, ping()],
      said: alone ? [failed] : [messageLine(hello), failed],
    };
  }),
);

const [one, two] = ["fragment1", "fragment2"];
const first = text(one, { fin: false });
const whole = messageLine(one + two);
const orphanOpen = more("non-continuation payload", { fin: false });
const orphan = more("non-continuation payload");
const section5: AutobahnCase[] = [
  { id: "5.1", about: "ping in two fragments", send: [ping(one, { fin: false }), more(two)], said: [failed] },
  { id: "5.2", about: "pong in two fragments", send: [pong(one, { fin: false }), more(two)], said: [failed] },
  // 5.4 and 5.5, 5.7 and 5.8, 5.10 and 5.11, 5.13 and 5.14 are the ones before them in other pieces.
  { id: "5.3", about: "text in two fragments", send: [first, more(two)], said: [whole] },
  {
    id: "5.6",
    about: "ping between fragments",
    send: [first, ping("ping payload"), more(two)],
    said: [`pong ${hex("ping payload")}`, whole],
  },
  { id: "5.9", about: "last continuation of nothing", send: [orphan, text(hello)], said: [failed] },
  { id: "5.12", about: "continuation of nothing", send: [orphanOpen, text(hello)], said: [failed] },
  { id: "5.15", about: "continuation after the last", send: [first, more(two), orphanOpen, text(hello)], said: [whole, failed] },
  {
    id: "5.16",
    about: "continuation before the first",
    send: [orphanOpen, first, more(two), orphanOpen, first, more(two)],
    said: [failed],
  },
  { id: "5.17", about: "last before the first", send: [orphan, first, more(two), orphan, first, more(two)], said: [failed] },
  { id: "5.18", about: "both fragments are texts", send: [first, text(two)], said: [failed] },
  {
    id: "5.19",
    about: "five fragments, a ping after two and one after four",
    send: [
      first,
      more(two, { fin: false }),
      ping("pongme 1!"),
      more("fragment3", { fin: false }),
      more("fragment4", { fin: false }),
      ping("pongme 2!"),
      more("fragment5"),
    ],
    said: [`pong ${hex("pongme 1!")}`, `pong ${hex("pongme 2!")}`, messageLine("fragment1fragment2fragment3fragment4fragment5")],
  },
  // 5.20 is 5.19 frame by frame.
];

const beyond: AutobahnCase[] = [
  { id: "RFC 6455 §5.2 a", about: "16 bits for a length of 5", send: [text("Hello", { lengthBits: 16 })], said: [failed] },
  { id: "RFC 6455 §5.2 b", about: "64 bits for a length of 5", send: [text("Hello", { lengthBits: 64 })], said: [failed] },
  { id: "RFC 6455 §5.2 c", about: "64 bits for a length of 300", send: [text("x".repeat(300), { lengthBits: 64 })], said: [failed] },
  {
    id: "RFC 6455 §5.4",
    about: "close between fragments",
    send: [first, { opcode: 8, payload: Buffer.from([3, 233]) }, more(two)],
    said: ["close 1001"],
  },
];

testCases([...section1, ...section2, ...section3, ...section4, ...section5, ...beyond]);
