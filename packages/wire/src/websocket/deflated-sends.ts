import type { MessageDeflate } from "./deflate.ts";
import { frameBits, opcodes } from "./frame.ts";
import type { FrameWriter } from "./frame-writer.ts";

/** Messages on their way through compression: it takes a while, and they leave in the order in which they were sent. */
export class DeflatedSends {
  readonly #deflate: MessageDeflate;
  readonly #writer: FrameWriter;
  /** Called before a message is written; throws when the session is over. */
  readonly #onSend: () => void;
  #last: Promise<void> | undefined = undefined;

  constructor(deflate: MessageDeflate, writer: FrameWriter, onSend: () => void) {
    this.#deflate = deflate;
    this.#writer = writer;
    this.#onSend = onSend;
  }

  /** Resolves when what has been sent is written, or undefined when it is already. */
  get last(): Promise<void> | undefined {
    return this.#last;
  }

  /** Compresses a message if it is long enough, and writes it in its turn. */
  send(data: string | Uint8Array): Promise<void> {
    const opcode = typeof data === "string" ? opcodes.text : opcodes.binary;
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.#writer.reserve(bytes.length);
    const sent = this.#send(opcode, bytes, this.#last);
    const settled = sent.catch(() => undefined);
    this.#last = settled;
    void settled.then(() => {
      if (this.#last === settled) this.#last = undefined;
    });
    return sent.then(() => this.#writer.room());
  }

  async #send(opcode: number, bytes: Uint8Array, before: Promise<void> | undefined): Promise<void> {
    try {
      await before;
      const short = bytes.length < this.#deflate.thresholdBytes;
      const payload = short ? bytes : await this.#deflate.deflate(bytes);
      this.#onSend();
      this.#writer.message(short ? opcode : opcode | frameBits.compressed, payload);
    } finally {
      this.#writer.reserve(-bytes.length);
    }
  }
}
