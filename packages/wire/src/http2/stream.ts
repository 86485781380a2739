import type { CallCarrier, ClientCall } from "../client-call.ts";
import { interimMax, type Exchange, type HeaderList, type HttpResponse } from "../http.ts";
import type { Peer } from "../http1/exchange.ts";
import { GatheredBytes } from "../gathered-bytes.ts";
import { leaveBody } from "../http1/writer.ts";
import type { WireError } from "../reasons.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import type { StreamBody, StreamBodySource } from "./stream-body.ts";

/** Whose stream it is: the connection. */
export interface StreamOwner {
  readonly peer: Peer;
  /** Somebody waits for more of the body. */
  awaited(stream: Stream): void;
  /** `bytes` of the body have been taken: the windows may grow. */
  returned(stream: Stream, bytes: number): void;
  /** The body's reader has left before its end. */
  abandoned(stream: Stream): void;
  /** Whoever asked has given up. */
  givenUp(stream: Stream, error: WireError): void;
  /** It may be quiet and go on for as long as it likes. */
  openEnded(stream: Stream): void;
  /** It has an interim answer to send. Answers whether there is room. */
  interim(stream: Stream): boolean;
  /** The listener of somebody who gave up has thrown. */
  listenerFailed(thrown: unknown): void;
}

/** An interim answer that waits to be sent. */
export interface Interim {
  readonly status: number;
  readonly headers: HeaderList;
}

/**
 * What comes in on a stream. `whole`: a short body of known length, handed over when complete. `batch`: a body of unknown
 * length, handed over whole if its end is in the same read, else as a stream. `stream`: handed over and growing. `discard`: not
 * wanted any more.
 */
export type IncomingMode = "none" | "whole" | "batch" | "stream" | "duplex" | "discard";

/** Bytes that may wait in one stream before its producer is no longer pulled. */
export const queuedBytesMax = 16_384;

/** One stream of a connection, on either side. The state is its fields; the connection and the outbox change them. */
export class Stream implements Exchange, StreamBodySource, CallCarrier {
  /** 0 until a client's request has been written. */
  id = 0;
  readonly #owner: StreamOwner;
  /** The other side will send no more. */
  remoteEnded = false;
  /** We have sent our last frame. */
  localEnded = false;
  /** The stream is closed; nothing that belongs to it counts any more. */
  over = false;
  /** Neither time nor length bounds it. */
  isOpenEnded = false;
  /** When whoever waits for bytes has waited too long. */
  deadlineMs: number = Infinity;
  /** Where that deadline goes back to when nobody waits. */
  restMs: number = Infinity;
  /** When the other side has kept its window shut too long. */
  stallMs: number = Infinity;

  // What comes in.
  mode: IncomingMode = "none";
  /** What Content-Length said; -1 for nothing. */
  expectedBytes = -1;
  receivedBytes = 0;
  /** What came after our last frame, and was thrown away. */
  discardedBytes = 0;
  /** What the other side may still send. */
  receiveLeft: number;
  /** Taken by the reader and not yet given back as window. */
  toReturn = 0;
  body: StreamBody | undefined = undefined;
  /** What has come of a body that is handed over whole, if it can be: mostly one piece. */
  #part: Uint8Array | undefined = undefined;
  #parts: GatheredBytes | undefined = undefined;
  /** 100 Continue is owed as soon as somebody reads; `now` once somebody does. */
  continueOwed: "no" | "yes" | "now" = "no";

  // What goes out.
  sendWindow: number;
  /** Interim answers: those that wait, and how many there have been in all, in or out. */
  interims: Interim[] | undefined = undefined;
  interimCount = 0;
  /** The head has still to be written. */
  headOwed = false;
  /** What the request said, until it is handed over. */
  request: RequestHead | undefined = undefined;
  /** When the request has to be whole. */
  requestMs: number = Infinity;
  response: HttpResponse | undefined = undefined;
  call: ClientCall | undefined = undefined;
  /** The head of the answer, once it has come. */
  answer: ResponseHead | undefined = undefined;
  /** What a client waits for: sets what the passing of the deadline means. */
  waitsFor: "nothing" | "head" | "continue" | "body" = "nothing";
  headOnly = false;
  upgrade: string | undefined = undefined;
  /** Once the head has been written the stream is handed over. */
  switching = false;
  /** Content that waits for window or room; the first array from `chunkAt` on. */
  chunks: Uint8Array[] = noChunks;
  chunkAt = 0;
  queuedBytes = 0;
  /** Nothing more will be queued: after the queue come the trailers. */
  ending = false;
  trailers: HeaderList | undefined = undefined;
  /** Whether the outbox has it in its list. */
  scheduled = false;
  next: Stream | undefined = undefined;
  /** Where queued bytes come from. */
  iterator: AsyncIterator<Uint8Array> | undefined = undefined;
  /** Waits for the queue to be short again. */
  #room: (() => void) | undefined = undefined;

  /** The handler owes its answer; what it answers after `over` is thrown away. */
  asked = false;
  /** An answer of ours stands in place of the handler's. */
  refused = false;
  #onCancel: (() => void) | undefined = undefined;
  #cancelled = false;

  constructor(owner: StreamOwner, windows: { readonly receive: number; readonly send: number }) {
    this.#owner = owner;
    this.receiveLeft = windows.receive;
    this.sendWindow = windows.send;
  }

  get peerAddress(): string {
    return this.#owner.peer.address;
  }

  get secure(): boolean {
    return this.#owner.peer.secure;
  }

  get identity(): string | undefined {
    return this.#owner.peer.identity;
  }

  get version(): "2" {
    return "2";
  }

  onCancel(listener: () => void): void {
    if (this.#cancelled) listener();
    else this.#onCancel = listener;
  }

  openEnded(): void {
    if (this.over || this.isOpenEnded) return;
    this.isOpenEnded = true;
    this.#owner.openEnded(this);
  }

  interim(status: number, headers: HeaderList): void {
    if (this.over || this.response !== undefined || this.interimCount >= interimMax || status < 102 || status > 199) return;
    if (!this.#owner.interim(this)) return;
    this.interimCount += 1;
    (this.interims ??= []).push({ status, headers });
  }

  /** The client went away, or takes no answer any more. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const listener = this.#onCancel;
    this.#onCancel = undefined;
    try {
      listener?.();
    } catch (thrown) {
      this.#owner.listenerFailed(thrown);
    }
  }

  waits(): void {
    this.#owner.awaited(this);
  }

  taken(bytes: number): void {
    this.#owner.returned(this, bytes);
  }

  left(bytes: number): void {
    if (bytes > 0) this.#owner.returned(this, bytes);
    if (!this.remoteEnded && !this.over) this.#owner.abandoned(this);
  }

  /** Keeps a piece of a body that may be handed over whole. */
  gather(piece: Uint8Array): void {
    if (this.#parts !== undefined) this.#parts.push(piece);
    else if (this.#part === undefined) this.#part = piece;
    else {
      this.#parts = new GatheredBytes();
      this.#parts.push(this.#part);
      this.#parts.push(piece);
      this.#part = undefined;
    }
  }

  get gatheredBytes(): number {
    return this.#parts?.length ?? this.#part?.length ?? 0;
  }

  /** Takes what has been kept, as one array; undefined for nothing. */
  ungather(): Uint8Array | undefined {
    const bytes = this.#parts?.whole() ?? this.#part;
    this.#parts = undefined;
    this.#part = undefined;
    return bytes;
  }

  abandon(_call: ClientCall, error: WireError): void {
    this.#owner.givenUp(this, error);
  }

  /** Queues content. The outbox has to be told. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.chunks === noChunks) this.chunks = [chunk];
    else this.chunks.push(chunk);
    this.queuedBytes += chunk.length;
  }

  /** Nothing more will be queued. The outbox has to be told. */
  finish(trailers: HeaderList | undefined): void {
    this.ending = true;
    this.trailers = trailers;
    this.iterator = undefined;
  }

  /** `bytes` of the queue have been written. */
  sent(bytes: number): void {
    this.queuedBytes -= bytes;
    if (this.queuedBytes < queuedBytesMax) this.release();
  }

  /** Resolves when the queue is short again, or nothing counts any more. */
  room(): Promise<void> {
    return new Promise((resolve) => {
      this.#room = resolve;
    });
  }

  release(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.();
  }

  /** Nothing counts any more: whoever reads or writes is told. */
  close(error: WireError): void {
    this.over = true;
    this.deadlineMs = Infinity;
    this.stallMs = Infinity;
    this.chunks = noChunks;
    this.queuedBytes = 0;
    this.ungather();
    this.release();
    const { iterator } = this;
    this.iterator = undefined;
    if (iterator !== undefined) leaveBody(iterator);
    this.body?.fail(error);
  }
}

const noChunks: Uint8Array[] = [];
