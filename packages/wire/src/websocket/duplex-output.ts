import type { ByteDuplex } from "../http.ts";
import type { ConnectionOutput } from "../http1/output.ts";
import type { WebSocketConnection } from "./connection.ts";

const waitingBytesMax = 65_536;

/** A ByteDuplex of any protocol as the output of a WebSocket connection; `run` carries what comes to the connection. */
export class DuplexOutput implements ConnectionOutput {
  readonly #duplex: ByteDuplex;
  #connection: WebSocketConnection | undefined = undefined;
  #waitingBytes = 0;
  #full = false;
  #paused = false;
  #inputEnded = false;
  #outputEnded = false;
  #resume: (() => void) | undefined = undefined;

  constructor(duplex: ByteDuplex) {
    this.#duplex = duplex;
  }

  write(data: string | Uint8Array): boolean {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    this.#waitingBytes += bytes.length;
    this.#duplex.write(bytes).then(
      () => this.#written(bytes.length),
      // The reading side tells of the end.
      () => undefined,
    );
    this.#full ||= this.#waitingBytes > waitingBytesMax;
    return !this.#full;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  end(): void {
    this.#outputEnded = true;
    this.#duplex.end();
    this.#settle();
  }

  destroy(): void {
    this.#duplex.destroy();
    this.resume();
    // Some duplexes end the loop below, others never speak again.
    queueMicrotask(() => this.#connection?.closed());
  }

  /** Carries bytes until the other side has ended or is gone. */
  async run(connection: WebSocketConnection): Promise<void> {
    this.#connection = connection;
    try {
      for await (const bytes of this.#duplex) {
        connection.receive(bytes);
        if (this.#paused) await new Promise<void>((resolve) => (this.#resume = resolve));
      }
      this.#inputEnded = true;
      connection.end();
      this.#settle();
    } catch (thrown) {
      connection.closed(thrown);
    }
  }

  /** A duplex does not tell when it is gone; once both directions have ended it is as good as that. */
  #settle(): void {
    if (this.#inputEnded && this.#outputEnded) queueMicrotask(() => this.#connection?.closed());
  }

  #written(bytes: number): void {
    this.#waitingBytes -= bytes;
    if (!this.#full || this.#waitingBytes > 0) return;
    this.#full = false;
    this.#connection?.drained();
  }
}

/** Puts a WebSocket connection on a duplex. */
export function connectDuplex(duplex: ByteDuplex, make: (output: ConnectionOutput) => WebSocketConnection): WebSocketConnection {
  if (duplex.attach !== undefined) return duplex.attach(make);
  const output = new DuplexOutput(duplex);
  const connection = make(output);
  void output.run(connection);
  return connection;
}
