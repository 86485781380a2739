import type { BodyStream } from "../http.ts";
import { bytesOf } from "./conversation.ts";

/** A body that is pushed by hand. */
export interface OpenBody {
  readonly stream: BodyStream;
  push(text: string): void;
  end(): void;
  /** Whether its reader has left. */
  left(): boolean;
  /** How often it was asked for a chunk. */
  asked(): number;
}

/** Makes one. */
export function openBody(): OpenBody {
  const chunks: Uint8Array[] = [];
  let wake: (() => void) | undefined;
  let ended = false;
  let left = false;
  let asked = 0;
  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    asked += 1;
    while (chunks.length === 0 && !ended && !left) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const value = chunks.shift();
    return value === undefined ? { done: true, value: undefined } : { done: false, value };
  };
  const iterator = {
    next,
    return: async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      left = true;
      wake?.();
      return { done: true, value: undefined };
    },
  };
  return {
    stream: { [Symbol.asyncIterator]: () => iterator },
    push(text) {
      chunks.push(bytesOf(text));
      wake?.();
    },
    end() {
      ended = true;
      wake?.();
    },
    left: () => left,
    asked: () => asked,
  };
}
