import type { InstanceStatus, RegistryClient } from "../../../app/registry.weir.ts";
import { Registry, State } from "../../../app/registry.weir.ts";
import type { Metadata } from "../../../call.ts";
import type { Clock } from "../../../clock.ts";
import { faultFrom } from "../../../fault.ts";
import { createClient } from "../../client.ts";
import type { Transport } from "../../transport.ts";
import { createWireTransport } from "../transport.ts";
import { backoffMs } from "./backoff.ts";
import type { EndpointAddress } from "./endpoint-address.ts";
import type { Target, TargetListener, TargetWatch } from "./target.ts";
import { addressFrom } from "./endpoint-address.ts";

/** The control plane that weir targets ask. */
export interface ControlOptions {
  /** "http://127.0.0.1:7070". Either this or `transport`. */
  readonly url?: string;
  /** Bearer token of an instance, an operator or a viewer. Default none. */
  readonly token?: string;
  /** A way to control that somebody else made and closes. */
  readonly transport?: Transport;
}

/** What a weir target is made of. */
export interface WeirTargetOptions extends ControlOptions {
  readonly service: string;
  /** Only instances of this version. Default all. */
  readonly version?: string | undefined;
  readonly clock: Clock;
}

const backoff = { baseMs: 100, maxMs: 5000 };
/** A stream that is silent for as many beats is a lost one. */
const beatsMissedMax = 3;
/** Before the first answer has said how often it beats. */
const firstAnswerMsMax = 5000;

/**
 * The instances of a service that serve, as the control plane sees them, with what each takes: told of each change within a moment. A stream
 * that breaks or falls silent is opened anew after a jittered pause of at most five seconds, for ever.
 */
export function createWeirTarget(url: string, options: WeirTargetOptions): Target {
  return { url, authority: undefined, watch: (listener) => watchInstances(options, listener) };
}

function watchInstances(options: WeirTargetOptions, listener: TargetListener): TargetWatch {
  const { token, transport: given } = options;
  const own = given === undefined ? createWireTransport({ url: options.url ?? "" }) : undefined;
  const metadata: Metadata = token === undefined ? [] : ["authorization", `Bearer ${token}`];
  const registry = createClient(Registry, given ?? (own as Transport));
  const stop = new AbortController();
  void watchForEver({ ...options, registry, metadata, listener, signal: stop.signal }).then(() => own?.close());
  return { refresh() {}, close: () => stop.abort() };
}

interface Watching extends WeirTargetOptions {
  readonly registry: RegistryClient;
  readonly metadata: Metadata;
  readonly listener: TargetListener;
  readonly signal: AbortSignal;
}

async function watchForEver(watching: Watching): Promise<void> {
  const { clock, listener, signal } = watching;
  let failures = 0;
  while (!signal.aborted) {
    try {
      await readStream(watching, () => {
        failures = 0;
      });
    } catch (error) {
      if (!signal.aborted) listener.failed(faultFrom(error));
    }
    failures += 1;
    await clock.sleep(backoffMs(failures, backoff, clock.random), signal).catch(() => undefined);
  }
}

/** Reads one stream until it ends, breaks, falls silent, or the signal aborts. */
async function readStream(watching: Watching, onAnswer: () => void): Promise<void> {
  const { registry, service, metadata, clock, signal, listener } = watching;
  const stream = registry.watch({ service }, { metadata: [...metadata], clock })[Symbol.asyncIterator]();
  // The stream is left by its iterator: a call that is given up ends whatever waits for it.
  const leave = (): void => void stream.return?.().catch(() => undefined);
  let stopTimer = clock.after(firstAnswerMsMax, leave);
  signal.addEventListener("abort", leave, { once: true });
  try {
    while (!signal.aborted) {
      const { done, value } = await stream.next();
      if (done === true) return;
      stopTimer();
      stopTimer = clock.after(Math.max(100, value.beatMs) * beatsMissedMax, leave);
      onAnswer();
      listener.resolved(value.instances.flatMap((status) => addressesFrom(status, watching.version)));
    }
  } finally {
    stopTimer();
    signal.removeEventListener("abort", leave);
    leave();
  }
}

function addressesFrom({ instance, state, live }: InstanceStatus, version: string | undefined): EndpointAddress[] {
  if (instance === undefined || !live || state !== State.SERVING) return [];
  if (version !== undefined && instance.version !== version) return [];
  try {
    return [{ ...addressFrom(instance.address), speaks: instance.grpcOnly ? "grpc" : instance.http2 ? "http2" : "http1" }];
  } catch {
    // One that cannot be reached by its address must not hide the others.
    return [];
  }
}
