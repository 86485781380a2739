import { WireError, wireReasons } from "../reasons.ts";
import type { WheelEntry } from "../timing-wheel.ts";
import type { WebSocketSettings } from "./options.ts";

/** The connection that a heartbeat watches. */
export interface HeartbeatOwner {
  /** Whether bytes are being read, so that a silence is the peer's. */
  readonly listening: boolean;
  /** Sends a ping if there is room. */
  pingPeer(): void;
  /** Ends the session with a close frame. */
  fail(error: WireError): void;
  /** Cuts the connection: the peer does not hear us. */
  cut(error: WireError): void;
}

/**
 * All deadlines of one session, in one entry of the wheel. A byte that comes only sets a flag; the clock is asked when the
 * wheel comes round. Times are whole milliseconds, which cost no memory of their own.
 */
export class Heartbeat implements WheelEntry {
  deadlineMs: number = Infinity;
  lookMs: number = Infinity;
  /** A byte came since the last beat. */
  heard: boolean = false;
  /** A message went either way since the last beat. */
  active: boolean = false;
  readonly #owner: HeartbeatOwner;
  readonly #settings: WebSocketSettings;
  #pinged = false;
  #activeMs: number;
  #beatMs = 0;
  #fullSinceMs = -1;
  #lastCall: WireError | "quietly" | undefined = undefined;
  #controls = 0;
  #controlsSinceMs: number;

  constructor(owner: HeartbeatOwner, settings: WebSocketSettings) {
    this.#owner = owner;
    this.#settings = settings;
    this.#activeMs = this.#nowMs();
    this.#controlsSinceMs = this.#activeMs;
    this.#setBeat(this.#activeMs);
  }

  /** Nothing can be written until the peer reads. */
  filled(): void {
    this.#fullSinceMs = this.#nowMs();
    if (this.#lastCall === undefined) this.#arm();
  }

  drained(): void {
    this.#fullSinceMs = -1;
  }

  /** Only the end is awaited any more, for `forMs`; then the connection is cut, with an error or without. */
  lastCall(forMs: number, error?: WireError): void {
    this.#lastCall = error ?? "quietly";
    this.#settings.wheel.set(this, this.#nowMs() + forMs);
  }

  /** Nothing is awaited any more. */
  stop(): void {
    this.#settings.wheel.set(this, Infinity);
  }

  /** Counts a ping or a pong. Throws WEBSOCKET_CONTROL_FLOOD. */
  countControl(): void {
    const { controlFramesPerSecondMax } = this.#settings.limits;
    this.#controls += 1;
    if (this.#controls <= controlFramesPerSecondMax) return;
    const nowMs = this.#nowMs();
    const sinceMs = nowMs - this.#controlsSinceMs;
    this.#controlsSinceMs = nowMs;
    this.#controls = 1;
    if (sinceMs < 1000) {
      throw new WireError(
        wireReasons.WEBSOCKET_CONTROL_FLOOD,
        `expected at most ${controlFramesPerSecondMax} pings and pongs in a second, found more`,
      );
    }
  }

  expire(): void {
    const nowMs = this.#nowMs();
    const { timeouts } = this.#settings;
    const lastCall = this.#lastCall;
    if (lastCall !== undefined) {
      this.#owner.cut(
        lastCall === "quietly" ? new WireError(wireReasons.WEBSOCKET_LOST, "expected the peer to end, found it did not") : lastCall,
      );
    } else if (this.#fullSinceMs >= 0 && nowMs - this.#fullSinceMs >= timeouts.writeIdleMs) {
      this.#owner.cut(
        new WireError(
          wireReasons.WEBSOCKET_SLOW,
          `expected the peer to read something within ${timeouts.writeIdleMs} ms, found it did not`,
        ),
      );
    } else if (nowMs < this.#beatMs) this.#arm();
    else this.#beat(nowMs);
  }

  #beat(nowMs: number): void {
    const { timeouts } = this.#settings;
    if (this.active) this.#activeMs = nowMs;
    else if (nowMs - this.#activeMs >= timeouts.idleMs) {
      this.#owner.fail(new WireError(wireReasons.WEBSOCKET_IDLE, `expected a message within ${timeouts.idleMs} ms, found none`));
      return;
    }
    if (this.heard || !this.#owner.listening) this.#pinged = false;
    else if (this.#pinged) {
      this.#owner.cut(
        new WireError(wireReasons.WEBSOCKET_PONG_TIMEOUT, `expected anything within ${timeouts.pongMs} ms after a ping, found nothing`),
      );
      return;
    } else if (timeouts.pingMs < Infinity) {
      this.#pinged = true;
      this.#owner.pingPeer();
    }
    this.active = false;
    this.heard = false;
    this.#setBeat(nowMs);
  }

  #setBeat(nowMs: number): void {
    const { pingMs, pongMs, idleMs } = this.#settings.timeouts;
    const next = Math.min(nowMs + (this.#pinged ? pongMs : pingMs), Math.max(this.#activeMs + idleMs, nowMs + 1));
    this.#beatMs = next;
    this.#arm();
  }

  #arm(): void {
    const stallMs = this.#fullSinceMs < 0 ? Infinity : this.#fullSinceMs + this.#settings.timeouts.writeIdleMs;
    this.#settings.wheel.set(this, Math.min(this.#beatMs, stallMs));
  }

  #nowMs(): number {
    return Math.floor(this.#settings.clock.monotonicMs());
  }
}
