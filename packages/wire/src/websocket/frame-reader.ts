import { WireError, wireReasons } from "../reasons.ts";
import { copied, latin1From } from "../http1/output.ts";
import { applyMask, controlBytesMax, frameBits, opcodes, turnedMask } from "./frame.ts";
import { MessageAssembly, textError } from "./message-assembly.ts";
import type { WebSocketLimits } from "./options.ts";
import { isText } from "./utf8.ts";

/** Who hears of frames. */
export interface FrameSink {
  /** Whether the next frame may be read now. */
  ready(): boolean;
  message(data: string | Uint8Array): void;
  /** A message that is still compressed. */
  compressed(bytes: Uint8Array, text: boolean): void;
  /** A ping, a pong or a close; the payload is the sink's to keep. */
  control(opcode: number, payload: Uint8Array): void;
}

/** What frames look like on this connection. */
export interface FrameReaderOptions {
  /** Whether frames have to be masked: those that a client sends have to, those that a server sends must not be. */
  readonly masked: boolean;
  /** Whether permessage-deflate was agreed on. */
  readonly deflate: boolean;
}

const nothing = new Uint8Array(0);
const asciiWorthBytes = 256;

/** Turns the bytes of one connection into messages and control frames. It knows no socket, no time and no answers. RFC 6455 §5. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #limits: WebSocketLimits;
  readonly #masked: boolean;
  readonly #deflate: boolean;
  #input: Uint8Array = nothing;
  #at = 0;
  #end = 0;
  #borrowed = false;
  #assembly: MessageAssembly | undefined = undefined;
  /** What is still to come of the frame that is being read, and how it is masked from here on. */
  #remaining = 0;
  #mask = 0;
  #final = false;

  constructor(sink: FrameSink, settings: { readonly limits: WebSocketLimits }, options: FrameReaderOptions) {
    this.#sink = sink;
    this.#limits = settings.limits;
    this.#masked = options.masked;
    this.#deflate = options.deflate;
  }

  /** Whether bytes lie here that wait for the sink or for more bytes. */
  get holds(): boolean {
    return this.#end > this.#at;
  }

  /**
   * Takes `bytes` up to `end` and unmasks them where they lie; `borrowed` ones may be overwritten after the call, so what
   * is kept of them is copied. Throws a WireError; after that nothing more may be read.
   */
  receive(bytes: Uint8Array, end: number, borrowed: boolean): void {
    if (this.#end > this.#at) {
      const rest = this.#input.subarray(this.#at, this.#end);
      this.#input = Buffer.concat([rest, bytes.subarray(0, end)]);
      this.#end = this.#input.length;
      this.#borrowed = false;
    } else {
      this.#input = bytes;
      this.#end = end;
      this.#borrowed = borrowed;
    }
    this.#at = 0;
    this.resume();
  }

  /** Reads on in what is there already. Throws a WireError. */
  resume(): void {
    const sink = this.#sink;
    while (this.#at < this.#end && sink.ready()) {
      if (this.#remaining > 0) this.#readPayload();
      else if (!this.#readFrame()) break;
    }
    if (this.#at >= this.#end) {
      this.#input = nothing;
      this.#at = 0;
      this.#end = 0;
    } else if (this.#borrowed) {
      this.#input = copied(this.#input, this.#at, this.#end);
      this.#end -= this.#at;
      this.#at = 0;
    }
    this.#borrowed = false;
  }

  /** Reads the head of a frame, and the payload of one that is there whole; false when more bytes are needed. */
  #readFrame(): boolean {
    const input = this.#input;
    const at = this.#at;
    const available = this.#end - at;
    if (available < 2) return false;
    const first = input[at] as number;
    const second = input[at + 1] as number;
    this.#check(first, second);
    let length = second & 127;
    let from = at + 2;
    if (length === 126) {
      if (available < 4) return false;
      length = ((input[at + 2] as number) << 8) | (input[at + 3] as number);
      from = at + 4;
      if (length < 126) throw longLengthError(length);
    } else if (length === 127) {
      if (available < 10) return false;
      length = longLength(input, at + 2);
      from = at + 10;
    }
    let mask = 0;
    if (second >= 0x80) {
      if (this.#end - from < 4) return false;
      mask =
        (input[from] as number) |
        ((input[from + 1] as number) << 8) |
        ((input[from + 2] as number) << 16) |
        ((input[from + 3] as number) << 24);
      from += 4;
    }
    const opcode = first & frameBits.opcode;
    if (opcode >= opcodes.close) return this.#readControl(opcode, { from, to: from + length }, mask);
    const limits = this.#limits;
    if (length > limits.frameBytesMax) {
      throw new WireError(
        wireReasons.WEBSOCKET_MESSAGE_TOO_LARGE,
        `expected a frame of at most ${limits.frameBytesMax} bytes, found ${length}`,
      );
    }
    const final = first >= frameBits.final;
    if (final && opcode !== opcodes.continuation && from + length <= this.#end && (first & frameBits.compressed) === 0) {
      this.#at = from + length;
      this.#readWhole(opcode === opcodes.text, { from, to: from + length }, mask);
      return true;
    }
    const compressed = (first & frameBits.compressed) !== 0;
    const assembly = (this.#assembly ??= new MessageAssembly({ text: opcode === opcodes.text, compressed }, limits));
    assembly.frame(length);
    this.#at = from;
    this.#remaining = length;
    this.#mask = mask;
    this.#final = final;
    if (length === 0) this.#endFrame(assembly);
    return true;
  }

  /** What the first two bytes of a frame say. */
  #check(first: number, second: number): void {
    const masked = this.#masked;
    const opcode = first & frameBits.opcode;
    const control = opcode >= opcodes.close;
    if ((first & frameBits.reserved) !== 0) throw frameError("reserved bits of 0", "others");
    if ((first & frameBits.compressed) !== 0 && (!this.#deflate || control || opcode === opcodes.continuation)) {
      throw frameError("the bit for compression only where it was agreed on and on the first frame of a message", "it elsewhere");
    }
    if (opcode > opcodes.pong || (opcode > opcodes.binary && !control)) throw frameError("an opcode of RFC 6455", String(opcode));
    if (second >= 0x80 !== masked) throw frameError(masked ? "a masked frame" : "a frame without a mask", "the contrary");
    if (control) {
      if (first < frameBits.final) throw frameError("a control frame in one piece", "a fragment");
      if ((second & 127) > controlBytesMax) throw frameError(`at most ${controlBytesMax} bytes in a control frame`, "more");
    } else if ((opcode === opcodes.continuation) !== (this.#assembly !== undefined)) {
      if (opcode === opcodes.continuation) throw frameError("the first frame of a message", "a continuation");
      throw frameError("a continuation of the message", `opcode ${opcode}`);
    }
  }

  #readControl(opcode: number, range: { readonly from: number; readonly to: number }, mask: number): boolean {
    if (range.to > this.#end) return false;
    const payload = copied(this.#input, range.from, range.to);
    if (this.#masked) applyMask(payload, { from: 0, to: payload.length }, mask);
    this.#at = range.to;
    this.#sink.control(opcode, payload);
    return true;
  }

  /** A message that came in one frame and in one piece. */
  #readWhole(text: boolean, range: { readonly from: number; readonly to: number }, mask: number): void {
    const { from, to } = range;
    const limits = this.#limits;
    const input = this.#input;
    if (to - from > limits.messageBytesMax) {
      throw new WireError(
        wireReasons.WEBSOCKET_MESSAGE_TOO_LARGE,
        `expected a message of at most ${limits.messageBytesMax} bytes, found ${to - from}`,
      );
    }
    if (this.#masked) applyMask(input, range, mask);
    if (!text) this.#sink.message(this.#borrowed ? copied(input, from, to) : input.subarray(from, to));
    else if (to - from <= asciiWorthBytes && isAscii(input, from, to)) this.#sink.message(latin1From(input, from, to));
    else if (isText(input, from, to)) this.#sink.message(Buffer.prototype.utf8Slice.call(input, from, to));
    else throw textError();
  }

  #readPayload(): void {
    const from = this.#at;
    const to = Math.min(this.#end, from + this.#remaining);
    const assembly = this.#assembly as MessageAssembly;
    if (this.#masked) {
      applyMask(this.#input, { from, to }, this.#mask);
      this.#mask = turnedMask(this.#mask, to - from);
    }
    this.#at = to;
    this.#remaining -= to - from;
    assembly.push(this.#input, from, to);
    if (this.#remaining === 0) this.#endFrame(assembly);
  }

  #endFrame(assembly: MessageAssembly): void {
    if (!this.#final) return;
    this.#assembly = undefined;
    const bytes = assembly.finish();
    if (assembly.compressed) this.#sink.compressed(bytes, assembly.text);
    else this.#sink.message(assembly.text ? Buffer.prototype.utf8Slice.call(bytes, 0, bytes.length) : bytes);
  }
}

function isAscii(bytes: Uint8Array, from: number, to: number): boolean {
  let all = 0;
  for (let at = from; at < to; at += 1) all |= bytes[at] as number;
  return all < 0x80;
}

function longLength(input: Uint8Array, at: number): number {
  const high =
    (((input[at] as number) << 24) | ((input[at + 1] as number) << 16) | ((input[at + 2] as number) << 8) | (input[at + 3] as number)) >>>
    0;
  const low =
    (((input[at + 4] as number) << 24) |
      ((input[at + 5] as number) << 16) |
      ((input[at + 6] as number) << 8) |
      (input[at + 7] as number)) >>>
    0;
  if (high >= 0x8000_0000) throw frameError("a length of 63 bits", "one of 64");
  const length = high * 0x1_0000_0000 + low;
  if (length < 65_536) throw longLengthError(length);
  return length;
}

function longLengthError(length: number): WireError {
  return frameError("a length in its shortest form", `${length} in a longer one`);
}

function frameError(expected: string, found: string): WireError {
  return new WireError(wireReasons.WEBSOCKET_FRAME_INVALID, `expected ${expected}, found ${found}`);
}
