import { deflateRawSync } from "node:zlib";
import { bytesOf, type SentFrame } from "../../websocket/fixtures/frames.ts";
import { memoryPeer, messageLine, saidIn } from "../../websocket/fixtures/memory-peer.ts";
import { fuzzClock } from "./fuzz-clock.ts";
import type { FuzzTarget, Random } from "./fuzz-target.ts";
import { brokenBytes, oneOf, settled } from "./fuzz-target.ts";

const deflate = { sendTakeover: false, receiveTakeover: false, sendWindowBits: 15 };
const limits = { messageBytesMax: 2000, frameBytesMax: 1500, fragmentsMax: 8, emptyFragmentsMax: 2, controlFramesPerSecondMax: 20 };
const squeezed = deflateRawSync("squeezed ".repeat(40), { finishFlush: 2 }).subarray(0, -4);
const bomb = deflateRawSync("0".repeat(100_000), { finishFlush: 2 }).subarray(0, -4);

function randomFrame(random: Random): SentFrame {
  const payloads = [Buffer.from("text é"), squeezed, bomb, Buffer.alloc(random(40), random(256)), Buffer.alloc(0), Buffer.from([3, 232])];
  const opcode = oneOf(random, [0, 1, 1, 2, 2, 8, 9, 10, random(16)]);
  const rsv = oneOf(random, [0, 0, 0, 4, random(8)]);
  const lengthBits = oneOf(random, [undefined, undefined, undefined, 16, 64] as const);
  return { opcode, payload: oneOf(random, payloads), fin: random(4) > 0, rsv, lengthBits };
}

function target(role: "server" | "client"): FuzzTarget {
  return {
    name: `websocket-${role}`,
    make(random) {
      const sent = Array.from({ length: 1 + random(6) }, () => bytesOf(randomFrame(random), role === "server"));
      return brokenBytes(random, Buffer.concat(sent));
    },
    async outcome(pieces) {
      const peer = memoryPeer({ role, deflate }, { deflate: { thresholdBytes: Infinity }, limits, clock: fuzzClock });
      const { connection } = peer;
      const told: string[] = [];
      connection.listen({ message: (_session, content) => void told.push(messageLine(content)) });
      for (const piece of pieces) {
        connection.receive(Buffer.from(piece));
        await Promise.resolve();
      }
      connection.end();
      let end = "";
      void connection.whenClosed.then(({ code, clean, error }) => (end = `${code} ${clean} ${error?.reason ?? ""}`));
      await settled(() => end !== "", "the session closed");
      if (end.includes("HANDLER_FAILED")) throw new Error(`expected no failure of ours, found ${end}`);
      return [...told, ...saidIn(peer.frames()), end].join("\n");
    },
  };
}

/** A server's session: its frames have to be masked. */
export const websocketServer: FuzzTarget = target("server");
/** A client's session. */
export const websocketClient: FuzzTarget = target("client");
