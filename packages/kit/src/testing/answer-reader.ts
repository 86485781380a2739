import type { ConnectionOutput } from "@weir/wire";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { SendAnswer } from "../rpc/http-send.ts";

interface Waiting {
  resolve(result: IteratorResult<Uint8Array>): void;
  reject(error: Error): void;
}

const full = 64 * 1024;

/**
 * The other end of wire's socketless connection: takes the bytes of one answer and hands out its head and its body. It only has to understand
 * what wire writes: a head, then a body by length, in chunks, or until the end. While 64 KiB wait unread it reports itself full.
 */
export class AnswerReader implements ConnectionOutput {
  readonly answer: Promise<SendAnswer>;
  /** Called when there is room again after having been full. */
  onRoom: () => void = () => undefined;
  readonly #onClosed: () => void;
  #resolve: (answer: SendAnswer) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #input = Buffer.alloc(0);
  #framing: "head" | "length" | "chunked" | "close" | "done" = "head";
  #lengthLeft = 0;
  #chunks: Uint8Array[] = [];
  #unreadBytes = 0;
  #isFull = false;
  #waiting: Waiting | undefined;
  #error: Error | undefined;
  #closed = false;

  constructor(onClosed: () => void) {
    this.#onClosed = onClosed;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  write(data: string | Uint8Array): boolean {
    if (this.#closed) return true;
    this.#input = Buffer.concat([this.#input, typeof data === "string" ? Buffer.from(data, "latin1") : data]);
    while (this.#step());
    this.#isFull = this.#unreadBytes >= full;
    return !this.#isFull;
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    if (this.#framing === "close") this.#finish();
    else if (this.#framing !== "done") this.fail(broken());
  }

  destroy(): void {
    this.fail(broken());
  }

  /** Gives the answer up, from either side. */
  fail(error: Error): void {
    if (this.#framing === "done" && this.#chunks.length === 0) return this.#close();
    this.#framing = "done";
    this.#error ??= error;
    this.#reject(error);
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.#close();
  }

  /** Takes one piece of the input; false when more bytes are needed. */
  #step(): boolean {
    if (this.#framing === "head") return this.#readHead();
    if (this.#framing === "chunked") return this.#readChunk();
    if (this.#framing === "done" || this.#input.length === 0) return false;
    this.#push(this.#take(this.#framing === "close" ? this.#input.length : Math.min(this.#lengthLeft, this.#input.length)));
    return true;
  }

  #readHead(): boolean {
    const end = this.#input.indexOf("\r\n\r\n");
    if (end === -1) return false;
    const lines = this.#take(end + 4)
      .toString("latin1")
      .trimEnd()
      .split("\r\n");
    const status = Number(lines[0]?.slice(9, 12));
    if (status < 200) return true;
    const headers: string[] = [];
    this.#framing = "close";
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      if (name === "transfer-encoding") this.#framing = "chunked";
      else if (name === "content-length") {
        this.#framing = "length";
        this.#lengthLeft = Number(value);
      } else if (name !== "connection") headers.push(name, value);
    }
    this.#resolve({ status, headers, body: this.#body() });
    if (status === 204 || (this.#framing === "length" && this.#lengthLeft === 0)) this.#finish();
    return true;
  }

  #readChunk(): boolean {
    const lineEnd = this.#input.indexOf("\r\n");
    if (lineEnd === -1) return false;
    const bytes = Number.parseInt(this.#input.subarray(0, lineEnd).toString("latin1"), 16);
    if (this.#input.length < lineEnd + 2 + bytes + 2) return false;
    this.#take(lineEnd + 2);
    if (bytes === 0) {
      this.#finish();
      return false;
    }
    this.#push(this.#take(bytes));
    this.#take(2);
    return true;
  }

  #take(bytes: number): Buffer<ArrayBuffer> {
    const taken = this.#input.subarray(0, bytes);
    this.#input = this.#input.subarray(bytes);
    return taken;
  }

  #push(chunk: Uint8Array): void {
    if (this.#waiting) {
      this.#waiting.resolve({ done: false, value: chunk });
      this.#waiting = undefined;
    } else {
      this.#chunks.push(chunk);
      this.#unreadBytes += chunk.length;
    }
    if (this.#framing !== "length") return;
    this.#lengthLeft -= chunk.length;
    if (this.#lengthLeft === 0) this.#finish();
  }

  #finish(): void {
    this.#framing = "done";
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed();
  }

  #body(): AsyncIterable<Uint8Array> {
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => this.#next(),
        return: () => {
          this.fail(broken());
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
  }

  #next(): Promise<IteratorResult<Uint8Array>> {
    const chunk = this.#chunks.shift();
    if (chunk) {
      this.#unreadBytes -= chunk.length;
      if (this.#isFull && this.#unreadBytes < full) {
        this.#isFull = false;
        this.onRoom();
      }
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.#error) return Promise.reject(this.#error);
    if (this.#framing === "done") return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}

function broken(): Error {
  return fault(kitReasons.PEER_UNREACHABLE, "The connection in memory broke before the answer was there.");
}
