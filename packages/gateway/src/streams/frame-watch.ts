const closeOpcode = 8;

/**
 * Follows the frames of one direction of a WebSocket (RFC 6455 §5.2) in bytes that pass: where one ends and the next
 * begins, and what a close frame says. It judges nothing: that is for those who talk to each other.
 */
export class FrameWatch {
  /** Code of the close frame that has passed; 1005 when it said none, 0 before one has. */
  closeCode = 0;
  /** How many of the bytes that passed last belong to whole frames. */
  wholeBytes = 0;
  readonly #head: number[] = [];
  #headBytes = 2;
  /** Bytes of the present frame's content that have passed, and how many it has. */
  #at = 0;
  #length = -1;
  #code = 0;

  /** Whether all that has passed was whole frames. */
  get atBoundary(): boolean {
    return this.#head.length === 0;
  }

  /** Bytes that pass. */
  push(bytes: Uint8Array): void {
    this.wholeBytes = 0;
    for (let at = 0; at < bytes.length;) {
      if (this.#length === -1) {
        this.#headByte(bytes[at] as number);
        at++;
      } else {
        const taken = Math.min(this.#length - this.#at, bytes.length - at);
        if (this.#isClose) this.#closeBytes(bytes.subarray(at, at + taken));
        this.#at += taken;
        at += taken;
      }
      if (this.#at === this.#length) {
        this.#ended();
        this.wholeBytes = at;
      }
    }
  }

  get #isClose(): boolean {
    return ((this.#head[0] as number) & 15) === closeOpcode;
  }

  #headByte(byte: number): void {
    const head = this.#head;
    head.push(byte);
    if (head.length === 2) {
      const short = byte & 127;
      this.#headBytes = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (byte > 127 ? 4 : 0);
    }
    if (head.length < this.#headBytes) return;
    const short = (head[1] as number) & 127;
    let length = short;
    if (short > 125) {
      length = 0;
      for (let index = 2; index < (short === 126 ? 4 : 10); index++) length = length * 256 + (head[index] as number);
    }
    this.#length = length;
  }

  #closeBytes(content: Uint8Array): void {
    const mask = (this.#head[1] as number) > 127 ? this.#head.slice(-4) : [0, 0];
    for (let index = 0; index < content.length && this.#at + index < 2; index++) {
      const place = this.#at + index;
      this.#code = this.#code * 256 + ((content[index] as number) ^ (mask[place] as number));
    }
  }

  #ended(): void {
    if (this.#isClose) this.closeCode = this.#length < 2 ? 1005 : this.#code;
    this.#head.length = 0;
    this.#headBytes = 2;
    this.#at = 0;
    this.#length = -1;
    this.#code = 0;
  }
}

/** A close frame (RFC 6455 §5.5.1). What a client sends is masked; `mask` is four random bytes. */
export function closeFrame(code: number, mask?: Uint8Array): Uint8Array {
  const content = Uint8Array.of(code >>> 8, code & 255);
  if (mask === undefined) return Uint8Array.of(0x88, 2, ...content);
  return Uint8Array.of(0x88, 0x82, ...mask, ...content.map((byte, index) => byte ^ (mask[index] as number)));
}
