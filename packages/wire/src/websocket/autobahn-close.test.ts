// Section 7 of the Autobahn WebSocket test suite, written anew: the closing handshake.
import { testCases, type AutobahnCase } from "./fixtures/autobahn.ts";
import type { SentFrame } from "./fixtures/frames.ts";
import { messageLine } from "./fixtures/memory-peer.ts";

function close(code?: number, reason: string | Uint8Array = ""): SentFrame {
  if (code === undefined) return { opcode: 8 };
  return { opcode: 8, payload: Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]) };
}
const hello: SentFrame = { opcode: 1, payload: "Hello World!" };
const large = "BAsd7&jh23".repeat(26_214);

const section7: AutobahnCase[] = [
  { id: "7.1.1", about: "text, then close", send: [hello, close(1000)], said: [messageLine("Hello World!"), "close 1000"] },
  { id: "7.1.2", about: "two closes are answered once", send: [close(1000), close(1000)], said: ["close 1000"] },
  { id: "7.1.3", about: "no pong after close", send: [close(1000), { opcode: 9 }], said: ["close 1000"] },
  { id: "7.1.4", about: "no echo after close", send: [close(1000), hello], said: ["close 1000"] },
  {
    id: "7.1.5",
    about: "close between fragments",
    send: [{ opcode: 1, payload: "fragment1", fin: false }, close(1000), { opcode: 0, payload: "fragment2" }],
    said: ["close 1000"],
  },
  {
    id: "7.1.6",
    about: "256 KB, close, ping",
    send: [{ opcode: 1, payload: large }, close(1000), { opcode: 9 }],
    said: [messageLine(large), "close 1000"],
  },
  { id: "7.3.1", about: "close without payload", send: [close()], said: ["close none"] },
  { id: "7.3.2", about: "close with half a code", send: [{ opcode: 8, payload: "a" }], said: ["close 1002"] },
  { id: "7.3.3", about: "close with a code", send: [close(1000)], said: ["close 1000"] },
  { id: "7.3.4", about: "close with a reason", send: [close(1000, "Hello World!")], said: ["close 1000"] },
  { id: "7.3.5", about: "close with 123 bytes of reason", send: [close(1000, "*".repeat(123))], said: ["close 1000"] },
  { id: "7.3.6", about: "close with 124 bytes of reason", send: [close(1000, "*".repeat(124))], said: ["close 1002"] },
  {
    id: "7.5.1",
    about: "close with a reason that is no text",
    send: [close(1000, Buffer.from("cebae1bdb9cf83cebcceb5eda080656469746564", "hex"))],
    said: ["close 1007"],
  },
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map((code, index) => ({
    id: `7.7.${index + 1}`,
    about: `close with ${code}`,
    send: [close(code)],
    said: [`close ${code}`],
  })),
  ...[0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].map((code, index) => ({
    id: `7.9.${index + 1}`,
    about: `close with ${code}, which may not be sent`,
    send: [close(code)],
    said: ["close 1002"],
  })),
  // Informational in the original: what may not be sent is refused here too.
  { id: "7.13.1", about: "close with 5000", send: [close(5000)], said: ["close 1002"] },
  { id: "7.13.2", about: "close with 65535", send: [close(65_535)], said: ["close 1002"] },
];

testCases(section7);
