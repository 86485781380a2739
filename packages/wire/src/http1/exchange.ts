import type { Exchange, HttpResponse } from "../http.ts";
import type { IncomingBody } from "./incoming-body.ts";
import type { RequestHead } from "./request-head.ts";

/** One request on a connection and its answer, in a queue that keeps answers in order. */
export class ServerExchange implements Exchange {
  readonly peerAddress: string;
  readonly secure: boolean;
  readonly version: "1.0" | "1.1";
  readonly isHead: boolean;
  readonly upgrade: string | undefined;
  keepAlive: boolean;
  /** The body that is still being received, if it is a stream. */
  body: IncomingBody | undefined;
  /** Whether 100 Continue is still owed. */
  continueOwed = false;
  response: HttpResponse | undefined;
  /** Whether the head of the answer has been written. */
  begun = false;
  /** Set when the handler's answer no longer counts. */
  over = false;
  /** The answer's body while it is being written. */
  iterator: AsyncIterator<Uint8Array> | undefined;
  next: ServerExchange | undefined;
  #onCancel: (() => void) | undefined;
  #cancelled = false;

  constructor(head: RequestHead | undefined, peer: { address: string; secure: boolean }) {
    this.peerAddress = peer.address;
    this.secure = peer.secure;
    this.version = head === undefined || head.minor === 1 ? "1.1" : "1.0";
    this.isHead = head?.method === "HEAD";
    this.upgrade = head?.upgrade;
    this.keepAlive = head?.keepAlive ?? false;
  }

  onCancel(listener: () => void): void {
    if (this.#cancelled) listener();
    else this.#onCancel = listener;
  }

  /** The client went away. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const listener = this.#onCancel;
    this.#onCancel = undefined;
    listener?.();
  }
}
