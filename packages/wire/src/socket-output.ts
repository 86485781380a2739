import type { Socket } from "node:net";
import type { ConnectionOutput } from "./http1/output.ts";

/** A socket as the output of a connection. */
export class SocketOutput implements ConnectionOutput {
  readonly #socket: Socket;
  #corked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(data: string | Uint8Array, more: boolean): boolean {
    const socket = this.#socket;
    if (more && !this.#corked) {
      this.#corked = true;
      socket.cork();
    }
    const roomy = typeof data === "string" ? socket.write(data, "latin1") : socket.write(data);
    if (!more && this.#corked) {
      this.#corked = false;
      socket.uncork();
      return !socket.writableNeedDrain;
    }
    return roomy;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
