import { parentPort, workerData } from "node:worker_threads";
import { openSharedSender } from "@weir/kit/flow/shared-sender";

/** What a run asks of the thread that sends. */
export interface SendingRun {
  readonly way: "shared" | "shared, in place" | "postMessage" | "postMessage, transferred";
  /** Memory of the shared channel. */
  readonly buffer: SharedArrayBuffer;
  readonly bytes: number;
  readonly durationMs: number;
  /** One word that counts what the receiver has taken of what was posted: whoever posts without bound fills the memory. */
  readonly taken: SharedArrayBuffer;
}

const { way, buffer, bytes, durationMs, taken } = workerData as SendingRun;
const payload = new Uint8Array(bytes).fill(1);
const endMs = performance.now() + durationMs;
const isOver = (count: number): boolean => (count & 63) === 0 && performance.now() > endMs;

if (way.startsWith("shared")) {
  const sender = openSharedSender(buffer);
  for (let count = 1; !isOver(count); count++) {
    if (way === "shared") sender.sendBlocking(payload);
    else {
      // The payload is made where the receiver reads it; here only its first byte.
      let room = sender.tryReserve(bytes);
      while (!room) room = sender.tryReserve(bytes);
      room.bytes[0] = count & 255;
      room.commit();
    }
  }
  sender.close();
} else {
  const words = new Int32Array(taken);
  const ahead = Math.max(8, Math.min(1024, (4 << 20) / bytes));
  let count = 1;
  for (; !isOver(count); count++) {
    for (let seen = Atomics.load(words, 0); count - seen > ahead; seen = Atomics.load(words, 0)) Atomics.wait(words, 0, seen, 10);
    if (way === "postMessage") parentPort?.postMessage(payload);
    else {
      const own = payload.slice();
      parentPort?.postMessage(own, [own.buffer]);
    }
  }
  parentPort?.postMessage("over");
}
