import { Worker } from "node:worker_threads";
import { createSharedMemory } from "@weir/kit/flow/shared-memory";
import { openSharedReceiver } from "@weir/kit/flow/shared-receiver";
import type { SendingRun } from "./thread-sender.ts";

/** What went through between two threads. */
export interface ThreadRun {
  readonly way: SendingRun["way"];
  readonly bytes: number;
  readonly messagesPerSecond: number;
  readonly gigabytesPerSecond: number;
}

/** Moves messages of `bytes` from a thread to this one for `durationMs`. */
export async function moveBetweenThreads(given: {
  readonly way: SendingRun["way"];
  readonly bytes: number;
  readonly durationMs: number;
}): Promise<ThreadRun> {
  const { way, bytes } = given;
  const run: SendingRun = {
    ...given,
    buffer: createSharedMemory({ bytes: 1 << 23, messages: 1 << 13, senders: "one" }),
    taken: new SharedArrayBuffer(4),
  };
  const thread = new Worker(new URL("./thread-sender.ts", import.meta.url), { workerData: run });
  const count = way.startsWith("shared") ? await receiveShared(run, thread) : await receivePosted(run, thread);
  const { messages, seconds } = count;
  return { way, bytes, messagesPerSecond: messages / seconds, gigabytesPerSecond: (messages * bytes) / seconds / 1e9 };
}

interface Received {
  readonly messages: number;
  readonly seconds: number;
}

async function receiveShared({ buffer, bytes }: SendingRun, thread: Worker): Promise<Received> {
  const receiver = openSharedReceiver(buffer);
  const ended = new Promise((resolve) => thread.once("exit", resolve));
  let messages = 0;
  let startedMs = 0;
  for (let message = await receiver.receive(); message; message = await receiver.receive()) {
    if (message.length !== bytes) throw new Error(`expected ${bytes} bytes, found ${message.length}`);
    if (messages++ === 0) startedMs = performance.now();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  await ended;
  return { messages, seconds };
}

function receivePosted({ taken, bytes }: SendingRun, thread: Worker): Promise<Received> {
  const words = new Int32Array(taken);
  let messages = 0;
  let startedMs = 0;
  return new Promise((resolve, reject) => {
    thread.once("error", reject);
    thread.on("message", (message: Uint8Array | "over") => {
      if (message === "over") return resolve({ messages, seconds: (performance.now() - startedMs) / 1000 });
      if (message.length !== bytes) return reject(new Error(`expected ${bytes} bytes, found ${message.length}`));
      if (messages++ === 0) startedMs = performance.now();
      Atomics.add(words, 0, 1);
      Atomics.notify(words, 0);
    });
  });
}
