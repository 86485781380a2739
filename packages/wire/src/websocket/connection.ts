import { countRefusal } from "../counters.ts";
import type { ConnectionOutput, ConnectionSink } from "../http1/output.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { closeCodeFrom, closeCodes, closeFrom, closePayload, type WebSocketClose } from "./close-codes.ts";
import type { DeflateAgreement } from "./deflate-options.ts";
import { MessageDeflate } from "./deflate.ts";
import { DeflatedSends } from "./deflated-sends.ts";
import { controlBytesMax, opcodes } from "./frame.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { Heartbeat, type HeartbeatOwner } from "./heartbeat.ts";
import { textError } from "./message-assembly.ts";
import { closedError, errorFrom, lostError, slowError } from "./errors.ts";
import { ListenerLine, tellClosed, type ListenerOwner } from "./listener-line.ts";
import { MessageLine } from "./message-line.ts";
import type { WebSocketSettings } from "./options.ts";
import type { WebSocketListener, WebSocketSession } from "./session.ts";
import { isText } from "./utf8.ts";

// Open; our close frame is sent and the peer's awaited; nothing but the end of the connection is awaited; gone.
const steps = { open: 0, closing: 1, ending: 2, gone: 3 } as const;
type Step = (typeof steps)[keyof typeof steps];

const nothing = new Uint8Array(0);

/** What the two sides of a handshake have agreed on. */
export interface WebSocketAgreement {
  readonly role: "server" | "client";
  readonly protocol: string;
  readonly deflate: DeflateAgreement | undefined;
}

/** Whom a connection tells that it is gone. */
export interface WebSocketOwner {
  gone(connection: WebSocketConnection): void;
}

/**
 * One WebSocket connection, of a server or a client, as a state machine: tell it what happens (`receive`, `end`, `drained`,
 * `closed`), and it calls the output. It throws only where a caller's argument is wrong. RFC 6455.
 */
export class WebSocketConnection implements WebSocketSession, FrameSink, HeartbeatOwner, ListenerOwner, ConnectionSink {
  readonly protocol: string;
  state: unknown = undefined;
  /** Neighbours in the list of its owner. */
  before: WebSocketConnection | undefined = undefined;
  after: WebSocketConnection | undefined = undefined;
  owner: WebSocketOwner | undefined = undefined;
  readonly #settings: WebSocketSettings;
  readonly #output: ConnectionOutput;
  readonly #server: boolean;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #heartbeat: Heartbeat;
  readonly #deflate: MessageDeflate | undefined = undefined;
  readonly #deflated: DeflatedSends | undefined = undefined;
  #line: MessageLine | ListenerLine | undefined = undefined;
  #step: Step = steps.open;
  #paused = false;
  /** Bytes are being read right now, up the stack. */
  #receiving = false;
  /** The other side has ended behind bytes that are still to be read. */
  #inputEnded = false;
  /** A message is being decompressed. */
  #inflating = false;
  /** The answer to a close frame that came while somebody was at work on the message before it. */
  #closeOwed: Uint8Array | undefined = undefined;
  #pongOwed: Uint8Array | undefined = undefined;
  #close: WebSocketClose | undefined = undefined;
  #error: WireError | undefined = undefined;
  #closed: Promise<WebSocketClose> | undefined = undefined;
  #onGone: ((close: WebSocketClose) => void) | undefined = undefined;

  constructor(settings: WebSocketSettings, output: ConnectionOutput, agreement: WebSocketAgreement) {
    this.#settings = settings;
    this.#output = output;
    this.#server = agreement.role === "server";
    this.protocol = agreement.protocol;
    const { limits, counters } = settings;
    if (settings.deflate !== undefined && agreement.deflate !== undefined) {
      this.#deflate = new MessageDeflate(settings.deflate, agreement.deflate, limits.messageBytesMax);
    }
    this.#heartbeat = new Heartbeat(this, settings);
    this.#reader = new FrameReader(this, settings, { masked: this.#server, deflate: this.#deflate !== undefined });
    this.#writer = new FrameWriter(output, { settings, masked: !this.#server, heartbeat: this.#heartbeat });
    if (this.#deflate !== undefined) this.#deflated = new DeflatedSends(this.#deflate, this.#writer, () => this.#sending());
    counters.sessionsTotal += 1;
    counters.sessionsOpen += 1;
  }

  get messages(): AsyncIterable<string | Uint8Array> {
    return this.#line instanceof MessageLine ? this.#line : this.#pulled();
  }

  get bufferedBytes(): number {
    return this.#writer.unsent;
  }

  get whenClosed(): Promise<WebSocketClose> {
    this.#closed ??= new Promise((resolve) => {
      if (this.#step === steps.gone) resolve(this.#closeNow());
      else this.#onGone = resolve;
    });
    return this.#closed;
  }

  get listening(): boolean {
    return !this.#paused && this.ready();
  }

  listen(listener: WebSocketListener): void {
    const held = this.#line?.takeHeld();
    this.#line = new ListenerLine(this, listener);
    if (held !== undefined) this.#line.push(held);
    this.readOn();
  }

  send(data: string | Uint8Array): Promise<void> {
    const refusal = this.#refusal(data);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#deflated !== undefined) return this.#deflated.send(data);
    this.#write(data);
    return this.#writer.room();
  }

  trySend(data: string | Uint8Array): boolean {
    if (this.#step !== steps.open || this.#refusal(data) !== undefined) return false;
    if (this.#deflated !== undefined) this.#deflated.send(data).catch(() => undefined);
    else this.#write(data);
    return true;
  }

  ping(payload: Uint8Array = nothing): boolean {
    if (payload.length > controlBytesMax) {
      throw new WireError(
        wireReasons.WEBSOCKET_SEND_INVALID,
        `expected at most ${controlBytesMax} bytes in a ping, found ${payload.length}`,
      );
    }
    if (this.#step !== steps.open || !this.#writer.fits(payload.length)) return false;
    this.#writer.control(opcodes.ping, payload);
    return true;
  }

  async close(code: number = closeCodes.normal, reason = ""): Promise<WebSocketClose> {
    const payload = closePayload(code, reason);
    if (this.#closeOwed !== undefined) this.#answerClose(this.#closeOwed);
    if (this.#step === steps.open) {
      this.#step = steps.closing;
      this.#close = { code, reason, clean: false };
      const { closeMs } = this.#settings.timeouts;
      this.#heartbeat.lastCall(
        closeMs,
        new WireError(wireReasons.WEBSOCKET_CLOSE_TIMEOUT, `expected a close frame within ${closeMs} ms, found none`),
      );
      const say = (): void => {
        if (this.#step === steps.closing) this.#writer.control(opcodes.close, payload);
      };
      // Messages that are still being compressed go first.
      const last = this.#deflated?.last;
      if (last === undefined) say();
      else void last.then(say);
      this.#line?.takeHeld();
      this.readOn();
    }
    return this.whenClosed;
  }

  destroy(): void {
    if (this.#step === steps.gone) return;
    this.#error ??= lostError("found it cut by this side");
    this.#step = steps.ending;
    this.#output.destroy();
  }

  /** Bytes came, up to `end`. They are unmasked where they lie. `borrowed` ones are only valid during the call. */
  receive(bytes: Uint8Array, end: number = bytes.length, borrowed = false): void {
    if (this.#step >= steps.ending) return;
    this.#heartbeat.heard = true;
    this.#receiving = true;
    try {
      this.#reader.receive(bytes, end, borrowed);
    } catch (thrown) {
      this.fail(errorFrom(thrown));
    }
    this.#receiving = false;
    // A pause costs a system call; most of what waits has been taken when the next bytes would come.
    if (!this.ready() && this.#reader.holds) this.#pause();
  }

  /** The other side has ended its direction. */
  end(): void {
    if (this.#step === steps.gone) return;
    if (this.#step <= steps.closing && (this.#inflating || this.#closeOwed !== undefined || (this.#reader.holds && !this.ready()))) {
      this.#inputEnded = true;
      return;
    }
    // What has been written still has to leave; the deadline of the last close frame stands.
    if (this.#close?.clean === true && this.#step === steps.ending) {
      this.#output.end();
      return;
    }
    this.#error ??= lostError("found the end of the connection");
    this.#step = steps.ending;
    // Whoever ends its direction may still read what was said before.
    this.#writer.flush();
    this.#output.destroy();
  }

  /** There is room for more writing. */
  drained(): void {
    const owed = this.#pongOwed;
    this.#pongOwed = undefined;
    this.#heartbeat.drained();
    this.#writer.drained();
    if (owed !== undefined && this.#step === steps.open) this.#writer.control(opcodes.pong, owed);
  }

  /** The connection is gone. */
  closed(cause?: unknown): void {
    if (this.#step === steps.gone) return;
    if (this.#close?.clean !== true) this.#error ??= lostError("found the connection gone", cause);
    this.#step = steps.gone;
    const { counters } = this.#settings;
    counters.sessionsOpen -= 1;
    if (this.#error !== undefined) countRefusal(counters, this.#error.reason);
    this.#heartbeat.stop();
    this.#writer.close(this.#error ?? closedError());
    this.#deflate?.close();
    this.#line?.finish(this.#error);
    const close = this.#closeNow();
    this.#onGone?.(close);
    this.owner?.gone(this);
    tellClosed(this, this.#line?.listener, { close, counters });
  }

  ready(): boolean {
    // Once we close, whoever is at work on a message may wait for that very close.
    if (this.#step !== steps.open) return this.#step === steps.closing;
    return !this.#inflating && this.#closeOwed === undefined && this.#line?.holds !== true;
  }

  message(data: string | Uint8Array): void {
    // After our own close frame only the peer's is of interest.
    if (this.#step !== steps.open) return;
    this.#heartbeat.active = true;
    this.#settings.counters.messagesReceived += 1;
    (this.#line ?? this.#pulled()).push(data);
  }

  compressed(bytes: Uint8Array, text: boolean): void {
    const deflate = this.#deflate;
    if (this.#step !== steps.open || deflate === undefined) return;
    this.#inflating = true;
    deflate.inflate(bytes).then(
      (inflated) => {
        this.#inflating = false;
        if (text && !isText(inflated, 0, inflated.length)) this.fail(textError());
        else this.message(text ? Buffer.prototype.utf8Slice.call(inflated, 0, inflated.length) : inflated);
        this.readOn();
        if (this.#inputEnded) this.end();
      },
      (thrown: unknown) => {
        this.#inflating = false;
        this.fail(errorFrom(thrown));
      },
    );
  }

  control(opcode: number, payload: Uint8Array): void {
    if (opcode === opcodes.close) {
      this.#closeReceived(payload);
      return;
    }
    this.#heartbeat.countControl();
    if (opcode === opcodes.pong) this.#line?.listener?.pong?.(this, payload);
    // Only the last ping has to be answered (RFC 6455 §5.5.3): a peer that does not read its pongs gets one.
    else if (this.#writer.full) this.#pongOwed = payload;
    else if (this.#step === steps.open) this.#writer.control(opcodes.pong, payload);
  }

  pingPeer(): void {
    if (!this.#writer.full) this.#writer.control(opcodes.ping, nothing);
  }

  fail(error: WireError, code: number = closeCodeFrom(error)): void {
    if (this.#step >= steps.ending) return;
    const reason = error.reason === wireReasons.WEBSOCKET_SLOW.reason ? "slow" : "";
    if (this.#step === steps.open) this.#writer.control(opcodes.close, closePayload(code, reason));
    this.#close ??= { code, reason, clean: false };
    this.#error ??= error;
    this.#finish();
  }

  cut(error: WireError): void {
    if (this.#closeOwed !== undefined) {
      this.#answerClose(this.#closeOwed);
      return;
    }
    if (this.#close?.clean !== true) this.#error ??= error;
    this.#step = steps.ending;
    this.#output.destroy();
  }

  #closeReceived(payload: Uint8Array): void {
    const { code, reason } = closeFrom(payload);
    this.#close = { code, reason, clean: false };
    const sends = this.#deflated?.last;
    if (this.#step !== steps.open || !(this.#line?.working === true || sends !== undefined)) {
      this.#answerClose(payload.subarray(0, 2));
      return;
    }
    // Whoever is at work on the message before the close may still answer it (RFC 6455 §5.5.1), if it does not take too long.
    this.#closeOwed = payload.subarray(0, 2);
    this.#heartbeat.lastCall(this.#settings.timeouts.closeMs);
    void sends?.then(() => this.readOn());
  }

  /** Answers with the same code, unless the peer's close frame answers ours. */
  #answerClose(code: Uint8Array): void {
    this.#closeOwed = undefined;
    if (this.#step === steps.open) this.#writer.control(opcodes.close, code);
    this.#close = { ...this.#closeNow(), clean: true };
    this.#finish();
  }

  /** Both close frames are said, or nothing more is to be said. The server ends first (RFC 6455 §7.1.1). */
  #finish(): void {
    this.#step = steps.ending;
    this.#line?.finish(this.#error);
    this.#writer.flush();
    if (this.#server || this.#error !== undefined) this.#output.end();
    this.#heartbeat.lastCall(this.#settings.timeouts.lingerMs);
    if (this.#paused) this.#output.resume();
    this.#paused = false;
    if (this.#inputEnded) this.end();
  }

  #pulled(): MessageLine {
    const line = new MessageLine(this);
    if (this.#step >= steps.ending) line.finish(this.#error);
    this.#line = line;
    return line;
  }

  /** Something that held up reading may be over. */
  readOn(): void {
    if (this.#receiving || this.#step >= steps.ending) return;
    const owed = this.#closeOwed;
    if (owed !== undefined && this.#line?.working !== true && this.#deflated?.last === undefined) this.#answerClose(owed);
    if (!this.ready()) return;
    if (this.#reader.holds) {
      this.#receiving = true;
      try {
        this.#reader.resume();
      } catch (thrown) {
        this.fail(errorFrom(thrown));
      }
      this.#receiving = false;
    }
    if (this.#inputEnded) this.end();
    if (!this.ready()) return;
    if (this.#paused) this.#output.resume();
    this.#paused = false;
  }

  #pause(): void {
    if (this.#paused || this.#step >= steps.ending) return;
    this.#paused = true;
    this.#output.pause();
  }

  #closeNow(): WebSocketClose {
    const { code, reason, clean } = this.#close ?? { code: closeCodes.lost, reason: "", clean: false };
    return { code, reason, clean, error: this.#error };
  }

  /** Why `data` cannot be sent now. */
  #refusal(data: string | Uint8Array): WireError | undefined {
    if (this.#step !== steps.open) return closedError();
    if (this.#writer.fits(data.length)) return undefined;
    const { slow, slowCode, limits } = this.#settings;
    const error = slowError(limits.sendBytesMax);
    if (slow === "close") this.fail(error, slowCode);
    return error;
  }

  #write(data: string | Uint8Array): void {
    this.#sending();
    if (typeof data === "string") this.#writer.text(data, Buffer.byteLength(data));
    else this.#writer.message(opcodes.binary, data);
  }

  /** A message is about to be written. Throws when it is too late for it. */
  #sending(): void {
    if (this.#step >= steps.ending) throw closedError();
    this.#heartbeat.active = true;
    this.#settings.counters.messagesSent += 1;
  }
}
