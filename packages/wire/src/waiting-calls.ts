import type { CallCarrier, ClientCall } from "./client-call.ts";
import type { ClientSettings } from "./client-options.ts";
import { wireReasons, type WireError } from "./reasons.ts";
import type { WheelEntry } from "./timing-wheel.ts";

class WaitingCall implements WheelEntry {
  deadlineMs: number = Infinity;
  lookMs: number = Infinity;
  readonly call: ClientCall;
  readonly #onExpire: (call: ClientCall) => void;

  constructor(call: ClientCall, onExpire: (call: ClientCall) => void) {
    this.call = call;
    this.#onExpire = onExpire;
  }

  expire(): void {
    this.#onExpire(this.call);
  }
}

/** Calls that wait for a connection, or a place on one: in order, bounded, each with a deadline. */
export class WaitingCalls implements CallCarrier {
  readonly #settings: ClientSettings;
  readonly #waiting = new Map<ClientCall, WaitingCall>();

  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Takes a call, or rejects it: WAITERS_TOO_MANY now, WAIT_TIMEOUT later. */
  add(call: ClientCall): void {
    const { waitersMax, timeouts, wheel, clock } = this.#settings;
    if (this.#waiting.size >= waitersMax) {
      call.fail(call.error(wireReasons.WAITERS_TOO_MANY, `expected at most ${waitersMax} waiting requests, found one more`));
      return;
    }
    const waiting = new WaitingCall(call, (late) =>
      this.abandon(late, late.error(wireReasons.WAIT_TIMEOUT, "expected a free connection in time, found none")),
    );
    call.carrier = this;
    this.#waiting.set(call, waiting);
    wheel.set(waiting, Math.min(clock.monotonicMs() + timeouts.waitMs, call.deadlineMs));
  }

  /** The call that has waited longest. */
  take(): ClientCall | undefined {
    for (const [call, waiting] of this.#waiting) {
      this.#waiting.delete(call);
      this.#settings.wheel.set(waiting, Infinity);
      return call;
    }
    return undefined;
  }

  abandon(call: ClientCall, error: WireError): void {
    const waiting = this.#waiting.get(call);
    if (waiting === undefined) return;
    this.#waiting.delete(call);
    this.#settings.wheel.set(waiting, Infinity);
    call.fail(error);
  }

  /** Rejects all of them. */
  failAll(error: WireError): void {
    for (let call = this.take(); call !== undefined; call = this.take()) call.fail(error);
  }
}
