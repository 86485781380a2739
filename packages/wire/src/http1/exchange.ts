import type { Exchange, HeaderList, HttpRequest, HttpResponse } from "../http.ts";
import type { IncomingBody } from "./incoming-body.ts";

/** Who is at the other end. */
export interface Peer {
  readonly address: string;
  readonly secure: boolean;
  /** As `Exchange` has it. */
  readonly identity?: string | undefined;
}

/** Whose exchange it is. */
export interface ExchangeOwner {
  readonly peer: Peer;
  /** As `Exchange` has it. */
  interim(exchange: ServerExchange, status: number, headers: HeaderList): void;
  /** The listener of somebody who gave up has thrown. */
  listenerFailed(thrown: unknown): void;
}

/** One request on a connection and its answer, in a queue that keeps answers in order. */
export class ServerExchange implements Exchange {
  readonly #owner: ExchangeOwner;
  readonly version: "1.0" | "1.1";
  readonly isHead: boolean;
  /** Whether others may be worked on beside it: its method changes nothing (RFC 9110 §9.2.1). */
  readonly isSafe: boolean;
  /** The request, while it has to wait for the answers before it. */
  parked: HttpRequest | undefined = undefined;
  readonly upgrade: string | undefined;
  keepAlive: boolean;
  /** The body that is still being received, if it is a stream. */
  body: IncomingBody | undefined = undefined;
  /** Whether 100 Continue is still owed. */
  continueOwed = false;
  /** Heads of interim answers that wait for the answers before them. */
  interims = "";
  interimCount = 0;
  response: HttpResponse | undefined = undefined;
  /** Whether the head of the answer has been written. */
  begun = false;
  /** Set when the handler's answer no longer counts. */
  over = false;
  /** The answer's body while it is being written. */
  iterator: AsyncIterator<Uint8Array> | undefined = undefined;
  next: ServerExchange | undefined = undefined;
  #onCancel: (() => void) | undefined = undefined;
  #cancelled = false;

  constructor(
    owner: ExchangeOwner,
    head: { readonly method: string; readonly minor: number; readonly keepAlive: boolean; readonly upgrade: string | undefined },
  ) {
    this.#owner = owner;
    this.version = head.minor === 0 ? "1.0" : "1.1";
    this.isHead = head.method === "HEAD";
    this.isSafe = head.method === "GET" || this.isHead || head.method === "OPTIONS" || head.method === "TRACE";
    this.upgrade = head.upgrade;
    this.keepAlive = head.keepAlive;
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

  onCancel(listener: () => void): void {
    if (this.#cancelled) listener();
    else this.#onCancel = listener;
  }

  interim(status: number, headers: HeaderList): void {
    this.#owner.interim(this, status, headers);
  }

  /** The client went away. */
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
}
