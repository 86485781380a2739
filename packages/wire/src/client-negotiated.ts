import { ClientCall, type ClientRequest, type ClientResponse, type RequestOptions } from "./client-call.ts";
import type { ClientSettings } from "./client-options.ts";
import type { Client, ClientState } from "./client.ts";
import { WireError, wireReasons } from "./reasons.ts";
import type { SocketAndEvents } from "./socket.ts";
import type { WheelEntry } from "./timing-wheel.ts";
import { WaitingCalls } from "./waiting-calls.ts";
import type { TlsDialer, TlsSocketEvents } from "./tls-client.ts";

/** A pool of one protocol, which takes calls that have waited for the choice. */
export interface ChosenPool extends Client {
  start(call: ClientCall): void;
}

/** What a client of either protocol is made of. */
export interface NegotiatedSettings extends ClientSettings {
  readonly dialer: TlsDialer;
  /** Makes the pool of the protocol that the origin has chosen. */
  readonly poolOf: (protocol: "http1" | "http2", settings: ClientSettings) => ChosenPool;
}

// For what is on its way to an origin that has changed its mind.
const drainMs = 60_000;

/** A client that learns from its first connection (ALPN) what the origin speaks; from then on it is a pool of that protocol. */
export class NegotiatedClient implements Client, WheelEntry {
  deadlineMs: number = Infinity;
  lookMs: number = Infinity;
  readonly #settings: NegotiatedSettings;
  readonly #waiting: WaitingCalls;
  #pool: ChosenPool | undefined = undefined;
  /** Pools of another protocol, until what was on its way has ended. */
  readonly #former = new Set<ChosenPool>();
  #dialing: SocketAndEvents | undefined = undefined;
  #closed = false;

  constructor(settings: NegotiatedSettings) {
    this.#settings = settings;
    this.#waiting = new WaitingCalls(settings);
  }

  get state(): ClientState {
    if (this.#pool !== undefined) return this.#pool.state;
    const open = this.#dialing === undefined ? 0 : 1;
    return { open, idle: 0, inFlight: open, waiting: this.#waiting.size };
  }

  request(request: ClientRequest, options: RequestOptions = {}): Promise<ClientResponse> {
    if (this.#pool !== undefined) return this.#pool.request(request, options);
    return new Promise((resolve, reject) => {
      const { timeoutMs } = options;
      const deadlineMs = timeoutMs === undefined ? Infinity : this.#settings.clock.monotonicMs() + timeoutMs;
      const call = new ClientCall(request, options, { deadlineMs, resolve, reject });
      if (this.#closed) call.fail(closedError());
      else if (options.signal?.aborted === true) call.cancel();
      else if (!call.over) {
        this.#waiting.add(call);
        this.#dial();
      }
    });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#closed = true;
    this.#waiting.failAll(closedError());
    this.#dialing?.socket.destroy();
    const pools = this.#pool === undefined ? this.#former : [this.#pool, ...this.#former];
    await Promise.all(Array.from(pools, (pool) => pool.drain(timeoutMs)));
  }

  close(): Promise<void> {
    return this.drain(0);
  }

  expire(): void {
    const { connectMs } = this.#settings.timeouts;
    this.#waiting.failAll(new WireError(wireReasons.CONNECT_TIMEOUT, `expected a connection within ${connectMs} ms, found none`));
    this.#dialing?.socket.destroy();
  }

  #dial(): void {
    if (this.#dialing !== undefined || this.#waiting.size === 0) return;
    const { dialer, clock, wheel, timeouts } = this.#settings;
    const dialed = dialer.connect("either");
    this.#dialing = dialed;
    wheel.set(this, clock.monotonicMs() + timeouts.connectMs);
    dialed.listen({
      chosen: (protocol: "http1" | "http2") => {
        wheel.set(this, Infinity);
        this.#dialing = undefined;
        if (!this.#closed) this.#choose(protocol, dialed);
      },
      receive: () => undefined,
      end: () => void dialed.socket.destroy(),
      drained: () => undefined,
      closed: (cause) => {
        wheel.set(this, Infinity);
        this.#dialing = undefined;
        this.#waiting.failAll(this.#failure(cause));
      },
    });
  }

  #choose(protocol: "http1" | "http2", first: SocketAndEvents): void {
    const { dialer, poolOf } = this.#settings;
    let ready: SocketAndEvents | undefined = standing(first);
    const pool: ChosenPool = poolOf(protocol, {
      ...this.#settings,
      connect: () => {
        const taken = ready;
        ready = undefined;
        return taken ?? watched(dialer.connect(protocol), () => this.#forget(pool));
      },
    });
    this.#pool = pool;
    for (let call = this.#waiting.take(); call !== undefined; call = this.#waiting.take()) pool.start(call);
    // Those who waited may all have given up.
    if (ready === undefined) return;
    ready = undefined;
    first.socket.destroy();
  }

  /** The origin chooses otherwise now: the next request learns what. */
  #forget(pool: ChosenPool): void {
    if (this.#pool !== pool || this.#closed) return;
    this.#pool = undefined;
    this.#former.add(pool);
    void pool.drain(drainMs).then(() => this.#former.delete(pool));
  }

  #failure(cause: unknown): WireError {
    if (cause instanceof WireError) return cause;
    const found = cause instanceof Error ? cause.message : "none";
    const message = `expected a connection to ${this.#settings.host}:${this.#settings.port}, found ${found}`;
    return new WireError(wireReasons.CONNECT_FAILED, message, { cause });
  }
}

/** A connection that stands already: whoever listens is told so before anything else, and not while it is still being made. */
function standing({ socket, listen }: SocketAndEvents): SocketAndEvents {
  return {
    socket,
    listen(listener) {
      let isOpen = false;
      const open = (): void => {
        if (isOpen || socket.destroyed) return;
        isOpen = true;
        listen(listener);
        listener.opened?.();
      };
      listen({
        receive(bytes, end, borrowed) {
          open();
          listener.receive(bytes, end, borrowed);
        },
        end: () => listener.end(),
        drained: () => listener.drained(),
        closed: (cause) => listener.closed(cause),
      });
      process.nextTick(open);
    },
  };
}

/** A connection that tells when the origin does not choose the protocol any more. */
function watched({ socket, listen }: SocketAndEvents, onMismatch: () => void): SocketAndEvents {
  const events = (listener: TlsSocketEvents): TlsSocketEvents => ({
    opened: () => {
      listen(listener);
      listener.opened?.();
    },
    receive: (bytes, end, borrowed) => listener.receive(bytes, end, borrowed),
    end: () => listener.end(),
    drained: () => listener.drained(),
    closed: (cause) => {
      if (cause instanceof WireError && cause.reason === wireReasons.TLS_PROTOCOL_MISMATCH.reason) onMismatch();
      listener.closed(cause);
    },
  });
  return { socket, listen: (listener) => listen(events(listener)) };
}

function closedError(): WireError {
  return new WireError(wireReasons.CLIENT_CLOSED, "expected an open client, found it closed");
}
