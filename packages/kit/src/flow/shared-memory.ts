import { fault } from "../fault.ts";
import { flowReasons } from "./reasons.ts";

/** How the memory of a channel between threads is laid out. */
export interface SharedMemoryOptions {
  /** Bytes of payload that it holds, a power of two from 1,024 to 2³⁰. One message has at most half of them. */
  readonly bytes: number;
  /** Messages that it holds, a power of two from 2 to 2²⁰. Default 1,024. */
  readonly messages?: number;
  /** How many threads send. "one" saves a lock for every message. Default "many". */
  readonly senders?: "one" | "many";
}

/** Words of the memory that threads agree on; each has a cache line of its own, so that one thread's does not slow another's. */
export const word = {
  /** Messages reserved, and released, since the beginning (modulo 2³²). */
  reserved: 0,
  released: 16,
  /** The same for bytes of payload, the gaps at the end of the ring included. */
  bytesReserved: 32,
  bytesReleased: 48,
  /** 1 while a sender reserves. */
  lock: 64,
  /** 1 while the receiver, or a sender, sleeps. */
  receiverSleeps: 80,
  senderSleeps: 96,
  closed: 112,
  messagesMax: 128,
  bytesMax: 129,
  manySenders: 130,
} as const;

const wordsOfHead = 144;
const wordsOfSlot = 4;

/** A channel's memory, seen from one thread. */
export interface SharedMemory {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** One less than the number of messages, and of bytes: for counting in a circle. */
  readonly messagesMask: number;
  readonly bytesMask: number;
  readonly manySenders: boolean;
}

/** Memory for a new channel. Give it to the other threads by `postMessage` or `workerData`; it is shared, not copied. Throws FLOW_OPTION_INVALID. */
export function createSharedMemory(options: SharedMemoryOptions): SharedArrayBuffer {
  const { bytes, messages = 1024, senders = "many" } = options;
  expectPower("bytes", bytes, { min: 1024, max: 2 ** 30 });
  expectPower("messages", messages, { min: 2, max: 2 ** 20 });
  const headBytes = 4 * (wordsOfHead + messages * wordsOfSlot);
  const buffer = new SharedArrayBuffer(headBytes + bytes);
  const words = new Int32Array(buffer, 0, headBytes / 4);
  words[word.messagesMax] = messages;
  words[word.bytesMax] = bytes;
  words[word.manySenders] = senders === "many" ? 1 : 0;
  return buffer;
}

/** The memory of a channel that another thread has made. Throws FLOW_OPTION_INVALID when it is none. */
export function sharedMemoryFrom(buffer: SharedArrayBuffer): SharedMemory {
  const head = buffer.byteLength >= 4 * wordsOfHead ? new Int32Array(buffer, 0, wordsOfHead) : undefined;
  const messages = head?.[word.messagesMax] ?? 0;
  const bytes = head?.[word.bytesMax] ?? 0;
  const headBytes = 4 * (wordsOfHead + messages * wordsOfSlot);
  if (messages < 2 || bytes < 1024 || buffer.byteLength !== headBytes + bytes)
    throw fault(flowReasons.FLOW_OPTION_INVALID, `Expected the memory of a channel, found ${buffer.byteLength} other bytes.`);
  return {
    words: new Int32Array(buffer, 0, headBytes / 4),
    bytes: new Uint8Array(buffer, headBytes, bytes),
    messagesMask: messages - 1,
    bytesMask: bytes - 1,
    manySenders: head?.[word.manySenders] === 1,
  };
}

/**
 * Where the slot of a message stands among the words. Its first word is the message's number plus one once it has been sent, then
 * come where the payload begins, how long it is, and up to where its bytes are free once it is released.
 */
export function slotOf(memory: SharedMemory, number: number): number {
  return wordsOfHead + (number & memory.messagesMask) * wordsOfSlot;
}

/** Wakes whoever sleeps at the word. */
export function wake(words: Int32Array, at: number): void {
  if (Atomics.load(words, at) !== 1) return;
  Atomics.store(words, at, 0);
  Atomics.notify(words, at);
}

function expectPower(name: string, value: number, range: { readonly min: number; readonly max: number }): void {
  if (Number.isInteger(value) && value >= range.min && value <= range.max && Number.isInteger(Math.log2(value))) return;
  throw fault(flowReasons.FLOW_OPTION_INVALID, `Expected ${name} to be a power of two from ${range.min} to ${range.max}, found ${value}.`);
}
