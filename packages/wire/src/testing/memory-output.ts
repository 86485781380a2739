import type { ConnectionOutput } from "../http1/output.ts";

/** A ConnectionOutput that keeps what is written, for tests. Full beyond `roomBytes`, until `drain` is called. */
export class MemoryOutput implements ConnectionOutput {
  readonly writes: Buffer[] = [];
  paused = false;
  ended = false;
  destroyed = false;
  /** Called when the connection destroys itself, as a socket would tell it. */
  onDestroy: (() => void) | undefined = undefined;
  readonly #roomBytes: number;
  #waiting = 0;

  constructor(roomBytes: number = Infinity) {
    this.#roomBytes = roomBytes;
  }

  write(data: string | Uint8Array, _more: boolean): boolean {
    if (this.ended || this.destroyed) throw new Error("written after the end");
    this.writes.push(typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.from(data));
    this.#waiting += data.length;
    return this.#waiting <= this.#roomBytes;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.onDestroy?.();
  }

  /** Bytes that nobody has taken yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Takes everything, as a peer that reads would. */
  drain(): void {
    this.#waiting = 0;
  }

  /** Everything written, one character a byte. */
  text(): string {
    return Buffer.concat(this.writes).toString("latin1");
  }
}
