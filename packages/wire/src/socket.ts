import net from "node:net";
import type tls from "node:tls";
import type { ConnectionOutput, ConnectionSink } from "./http1/output.ts";

/** What a socket tells. */
export interface SocketEvents {
  opened?(): void;
  /** Bytes came, up to `end`. `borrowed` ones are only valid during the call. */
  receive(bytes: Uint8Array, end: number, borrowed: boolean): void;
  end(): void;
  drained(): void;
  closed(cause: unknown): void;
}

// Every socket of the process reads into these bytes; what is kept of them is copied before the next read.
const readBuffer = Buffer.allocUnsafeSlow(65_536);
// A record holds no more. Apart from the other one, since what is decrypted may come while that one is being looked at.
const tlsReadBuffer = Buffer.allocUnsafeSlow(16_384);

/**
 * A connection that is quiet for a minute is probed by TCP, so that a host that vanished without a word is noticed even by an answer of
 * HTTP/1.1 that may be quiet for hours. A process that is only stuck answers such probes; HTTP/2 asks that by PING.
 */
export const tcpProbes = { keepAlive: true, keepAliveInitialDelay: 60_000 } as const;

/** Connects to an origin. */
export function connectSocket(host: string, port: number): SocketAndEvents {
  const events: SocketEventsHolder = { events: undefined };
  const socket = net.connect({ host, port, ...tcpProbes, noDelay: true, allowHalfOpen: true, onread: reading(events, readBuffer) });
  return { socket, listen: (listener) => listen(socket, events, listener) };
}

/**
 * A socket that a server accepted with `pauseOnConnect`, made to read into our buffer. Node has `onread` for sockets one
 * makes oneself only, so the handle moves to such a socket; that saves a 64 KiB allocation a read, a twentieth of a proxied
 * request. Should a release of Node hide the handle (`handle` null), the socket stays as it is and reads as streams do.
 */
export function acceptedSocket(socket: net.Socket, handle: object | null = handleOf(socket)): SocketAndEvents {
  if (handle === null) return streamingSocket(socket);
  (socket as unknown as { _handle: object | null })._handle = null;
  const events: SocketEventsHolder = { events: undefined };
  const options = { handle, allowHalfOpen: true, onread: reading(events, readBuffer), manualStart: true };
  const own = new net.Socket(options as unknown as net.SocketConstructorOpts);
  return {
    socket: own,
    listen(listener) {
      listen(own, events, listener);
      own.resume();
    },
  };
}

function handleOf(socket: net.Socket): object | null {
  const { _handle: handle } = socket as unknown as { _handle: object | null };
  return typeof handle === "object" && handle !== null && "readStart" in handle ? handle : null;
}

/**
 * A socket of TLS whose handshake is done, made to read into our buffer: a sixth of what a small request costs. Node allows that
 * for sockets that connect only, so it is done as Node does it; `keys` null, or a release of Node that does it otherwise,
 * leaves the socket to read as streams do.
 */
export function securedSocket(socket: tls.TLSSocket, keys: BufferKeys | null = bufferKeysOf(socket)): SocketAndEvents {
  const { _handle: handle } = socket as unknown as { _handle: { useUserBuffer?(buffer: Uint8Array): void } | null };
  if (keys === null || typeof handle?.useUserBuffer !== "function") return streamingSocket(socket);
  const events: SocketEventsHolder = { events: undefined };
  const { buffer, callback } = reading(events, tlsReadBuffer);
  const fields = socket as unknown as Record<symbol, unknown>;
  fields[keys.buffer] = buffer;
  fields[keys.callback] = callback;
  handle.useUserBuffer(buffer);
  return {
    socket,
    listen(listener) {
      // What came before has been kept as a stream keeps it.
      for (let bytes: Buffer | null = socket.read(); bytes !== null; bytes = socket.read()) listener.receive(bytes, bytes.length, false);
      listen(socket, events, listener);
      socket.resume();
    },
  };
}

/** Where Node keeps what `onread` was given. */
export interface BufferKeys {
  readonly buffer: symbol;
  readonly callback: symbol;
}

function bufferKeysOf(socket: net.Socket): BufferKeys | null {
  const symbols = Object.getOwnPropertySymbols(socket);
  const buffer = symbols.find((one) => one.description === "kBuffer");
  const callback = symbols.find((one) => one.description === "kBufferCb");
  return buffer === undefined || callback === undefined ? null : { buffer, callback };
}

function streamingSocket(socket: net.Socket): SocketAndEvents {
  return {
    socket,
    listen(listener) {
      socket.on("data", (bytes: Buffer) => listener.receive(bytes, bytes.length, false));
      listenToRest(socket, listener);
      // It was paused when it was accepted, and stays so until told.
      socket.resume();
    },
  };
}

/** A socket, and how to hear of it. */
export interface SocketAndEvents {
  readonly socket: net.Socket;
  listen(events: SocketEvents): void;
}

interface SocketEventsHolder {
  events: SocketEvents | undefined;
}

function reading(holder: SocketEventsHolder, buffer: Uint8Array): { buffer: Uint8Array; callback: (length: number) => boolean } {
  return {
    buffer,
    callback(length) {
      holder.events?.receive(buffer, length, true);
      return true;
    },
  };
}

function listen(socket: net.Socket, holder: SocketEventsHolder, events: SocketEvents): void {
  holder.events = events;
  listenToRest(socket, events);
}

function listenToRest(socket: net.Socket, events: SocketEvents): void {
  let cause: unknown;
  if (events.opened !== undefined) socket.on("connect", () => events.opened?.());
  socket.on("end", () => events.end());
  socket.on("drain", () => events.drained());
  socket.on("error", (error) => {
    cause = error;
  });
  socket.on("close", () => events.closed(cause));
}

/** Who hears of a socket: one connection, then whoever took over from it. One small object a socket, and no closures. */
export class SocketLine implements SocketEvents {
  sink: ConnectionSink | undefined = undefined;
  readonly socket: net.Socket;
  readonly #onClosed: (line: SocketLine) => void;

  constructor(socket: net.Socket, onClosed: (line: SocketLine) => void) {
    this.socket = socket;
    this.#onClosed = onClosed;
  }

  receive(bytes: Uint8Array, end: number, borrowed: boolean): void {
    this.sink?.receive(bytes, end, borrowed);
  }

  end(): void {
    this.sink?.end();
  }

  drained(): void {
    this.sink?.drained();
  }

  closed(cause: unknown): void {
    this.sink?.closed(cause);
    this.#onClosed(this);
  }
}

/** Text that waits longer than this is written at once: what waits must stay small. */
const waitingLengthMax = 16_384;
let waiting: SocketOutput[] = [];

function flushWaiting(): void {
  const outputs = waiting;
  waiting = [];
  for (const output of outputs) output.flush();
}

/**
 * A socket as the output of a connection. With a line, that line is told of another sink when the connection is handed over.
 * Text waits until all sockets that are ready have been read in this turn of the event loop, then all of it is written: reading
 * and writing by turns wakes whoever waits at the other end once for every write, which cost a proxy a sixth of its CPU.
 */
export class SocketOutput implements ConnectionOutput {
  readonly #socket: net.Socket;
  readonly #line: SocketLine | undefined;
  #corked = false;
  #text = "";

  constructor(socket: net.Socket, line?: SocketLine) {
    this.#socket = socket;
    this.#line = line;
  }

  write(data: string | Uint8Array, more: boolean): boolean {
    const socket = this.#socket;
    // Node calls a write to a destroyed socket a roomy one. Until we hear of its end, whoever never waits would go on for ever.
    if (socket.destroyed) return false;
    if (typeof data === "string" && !more && !this.#corked && this.#text.length + data.length <= waitingLengthMax) {
      if (this.#text === "" && waiting.push(this) === 1) setImmediate(flushWaiting);
      this.#text += data;
      return !socket.writableNeedDrain;
    }
    this.flush();
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

  /** Writes what waits. */
  flush(): void {
    const text = this.#text;
    if (text === "") return;
    this.#text = "";
    this.#socket.write(text, "latin1");
  }

  divert(sink: ConnectionSink): void {
    if (this.#line !== undefined) this.#line.sink = sink;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.flush();
    this.#socket.end();
  }

  destroy(): void {
    this.flush();
    this.#socket.destroy();
  }
}
