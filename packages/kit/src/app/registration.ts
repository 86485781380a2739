import type { Logger } from "../call.ts";
import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { faultFrom } from "../fault.ts";
import type { Daemon } from "../service.ts";
import type { Instance, RegistryClient } from "./registry.weir.ts";
import { State } from "./registry.weir.ts";

/** What an instance registers with. */
export interface RegistrationOptions {
  readonly instance: Instance;
  readonly registry: RegistryClient;
  /** For the whole of taking itself out, also when the registry does not answer. Default 1000. */
  readonly deregisterMsMax?: number;
  /** Told when the registry knows the instance, and when it no longer answers. */
  readonly onChange?: (registered: boolean) => void;
  readonly clock?: Clock;
  readonly log?: Logger;
}

const registerMsMax = 2000;
/** Short, so that one that hangs leaves time for another before the lease is over. */
const heartbeatCallMsMax = 500;
const pauseMsMin = 100;
const pauseMsMax = 1000;
// What the registry asks for is taken within these bounds.
const heartbeatMsMin = 50;
const heartbeatMsMax = 10_000;

/**
 * Keeps an instance in the registry: registers, sends heartbeats as often as it is told, registers again when the
 * registry no longer knows it, and takes itself out at the end. A registry that is away is asked again after a jittered
 * pause of at most a second, for ever: the app serves on meanwhile. Never rejects.
 */
export function createRegistration(options: RegistrationOptions): Daemon {
  const { instance, registry, deregisterMsMax = 1000, clock = systemClock, log = new Call().log } = options;
  let registered = false;
  let heartbeatMs = heartbeatMsMin;
  let lastReason = "";

  function change(now: boolean): void {
    if (registered !== now) options.onChange?.(now);
    registered = now;
  }
  async function register(): Promise<void> {
    const answer = await registry.register({ instance, state: State.SERVING }, { timeoutMs: registerMsMax, clock });
    heartbeatMs = Math.min(heartbeatMsMax, Math.max(heartbeatMsMin, answer.heartbeatMs));
    log.info("registered", { instance: instance.id, leaseMs: answer.leaseMs, heartbeatMs });
    change(true);
  }
  async function heartbeat(): Promise<void> {
    const { known } = await registry.heartbeat({ instanceId: instance.id, state: State.SERVING }, { timeoutMs: heartbeatCallMsMax, clock });
    if (known) return change(true);
    log.warn("the registry does not know this instance any more", { instance: instance.id });
    change(false);
    await register();
  }
  async function deregister(): Promise<void> {
    try {
      await registry.deregister({ instanceId: instance.id }, { timeoutMs: deregisterMsMax, clock });
      log.info("deregistered", { instance: instance.id });
    } catch (error) {
      log.warn("could not deregister; the lease will run out", { instance: instance.id, error });
    }
    change(false);
  }
  function failed(error: unknown): void {
    change(false);
    const { reason, message } = faultFrom(error);
    // Once for each reason: a registry that is away for an hour is one line, not thousands.
    if (reason !== lastReason) log.warn("the registry cannot be reached; trying again", { reason, message });
    lastReason = reason;
  }

  return async (signal) => {
    let everAsked = false;
    let everRegistered = false;
    let pauseMs = pauseMsMin;
    while (!signal.aborted) {
      let waitMs: number;
      everAsked = true;
      try {
        await (everRegistered ? heartbeat() : register());
        everRegistered = true;
        lastReason = "";
        pauseMs = pauseMsMin;
        waitMs = heartbeatMs * (0.9 + clock.random() / 10);
      } catch (error) {
        failed(error);
        waitMs = pauseMs * (0.5 + clock.random() / 2);
        pauseMs = Math.min(pauseMsMax, pauseMs * 2);
      }
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
    // Also after a registration without an answer: it may have arrived.
    if (everAsked) await deregister();
  };
}
