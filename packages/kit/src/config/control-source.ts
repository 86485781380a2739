import type { Clock } from "../clock.ts";
import type { JsonValue } from "../contract/contract.ts";
import { fault, faultFrom } from "../fault.ts";
import { backoffMs } from "../rpc/node/balance/backoff.ts";
import { createClient } from "../rpc/client.ts";
import { createWireTransport } from "../rpc/node/transport.ts";
import type { Transport } from "../rpc/transport.ts";
import type { ConfigsClient, ConfirmRequest, Settings, SubscribeRequest } from "./config.weir.ts";
import { Configs } from "./config.weir.ts";
import { configReasons } from "./reasons.ts";
import type { ConfigSource, SourceHost } from "./source.ts";

/** Which settings an instance subscribes to, and where. */
export interface ControlSourceOptions {
  /** The app's name, "feed". */
  readonly service: string;
  /** Default "dev". */
  readonly version?: string | undefined;
  /** The same for its whole life and never used again. Default made of service, version and chance. */
  readonly instance?: string;
  /** "http://127.0.0.1:7070", as WEIR_CONTROL_URL has it; empty or undefined for none: then this source has nothing. Either this or `transport`. */
  readonly url?: string | undefined;
  /** Bearer token of an instance, best limited to its service: it reads the secrets of every other. Default none. */
  readonly token?: string | undefined;
  /** A way to control that somebody else made and closes. */
  readonly transport?: Transport;
  /** How long a start waits for the first answer; then it goes on with what the other sources say. Default 2000. */
  readonly waitMsMax?: number;
}

/** A subscription; its instance is what control knows this process by. */
export interface ControlSource extends ConfigSource {
  readonly instance: string;
}

const backoff = { baseMs: 100, maxMs: 2000 };
/** A stream that is silent for as many beats is a lost one. */
const beatsMissedMax = 3;
/** Before the first answer has said how often it beats. */
const firstAnswerMsMax = 5000;
const confirmMsMax = 2000;

/** What is known of control's settings here. */
interface Held {
  /** Of what is in force. */
  stamp: string;
  revision: bigint;
  /** Said again whenever a stream begins, because control may have been restarted. */
  confirmation: ConfirmRequest | undefined;
  connected: boolean;
  heardAtMs: number;
  lastReason: string;
}

interface Link {
  readonly host: SourceHost;
  readonly configs: ConfigsClient;
  readonly metadata: readonly string[];
  readonly request: Omit<SubscribeRequest, "stamp" | "revision">;
  readonly held: Held;
  readonly signal: AbortSignal;
  /** Called after each answer has been dealt with. */
  readonly onAnswer: () => void;
}

/**
 * Settings from the control plane, as they change: each revision is offered whole and confirmed back, applied or refused with what
 * was wrong. When control is away, what it said last stays, `explain()` and the admin page show its age, and it is asked again
 * after a jittered pause of at most two seconds, for ever. A control that has lost its memory takes nothing away.
 */
export function controlSource(options: ControlSourceOptions): ControlSource {
  const { service, version = "dev", url, transport, waitMsMax = 2000 } = options;
  const instance = options.instance ?? `${service}-${version}-${crypto.randomUUID().slice(-12)}`;
  const held: Held = { stamp: "", revision: 0n, confirmation: undefined, connected: false, heardAtMs: 0, lastReason: "" };
  const stop = new AbortController();
  let clock: Clock | undefined;
  let ended: Promise<void> = Promise.resolve();
  const isNone = !url && !transport;
  return {
    kind: "control",
    name: isNone ? "no control plane" : "control plane",
    instance,
    async start(host) {
      clock = host.clock;
      held.heardAtMs = clock.monotonicMs();
      if (isNone) return;
      const own = transport ? undefined : createWireTransport({ url: url ?? "" });
      const answered = Promise.withResolvers<void>();
      const link: Link = {
        host,
        configs: createClient(Configs, transport ?? (own as Transport)),
        metadata: options.token ? ["authorization", `Bearer ${options.token}`] : [],
        request: { service, version, instance, keys: [...host.schema.specs] },
        held,
        signal: stop.signal,
        onAnswer: answered.resolve,
      };
      ended = followForEver(link).then(() => own?.close());
      const stopTimer = clock.after(waitMsMax, answered.resolve);
      await answered.promise;
      stopTimer();
      if (!held.connected) host.log.warn("control has not answered in time; going on without its settings", { waitMsMax });
    },
    state: () => {
      if (isNone) return { state: "none" };
      return { state: held.connected ? "connected" : "away", ageMs: (clock?.monotonicMs() ?? 0) - held.heardAtMs };
    },
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

async function followForEver(link: Link): Promise<void> {
  const { held, signal } = link;
  const { clock, log } = link.host;
  let failures = 0;
  while (!signal.aborted) {
    let error: unknown = fault(configReasons.CONFIG_CONTROL_LOST, "Expected settings or a beat, found the end of the stream.");
    try {
      await readStream(link, () => {
        failures = 0;
      });
    } catch (thrown) {
      error = thrown;
    }
    held.connected = false;
    if (signal.aborted) return;
    const { reason, message } = faultFrom(error);
    // Once for each reason: a control that is away for an hour is one line, not thousands.
    if (reason !== held.lastReason) log.warn("settings no longer come from control; the last ones stay", { reason, message });
    held.lastReason = reason;
    failures += 1;
    await clock.sleep(backoffMs(failures, backoff, clock.random), signal).catch(() => undefined);
  }
}

/** Reads one stream until it ends, breaks, falls silent, or the signal aborts. */
async function readStream(link: Link, onAnswer: () => void): Promise<void> {
  const { configs, request, held, signal, host } = link;
  const { clock } = host;
  const { stamp, revision } = held;
  const stream = configs.subscribe({ ...request, stamp, revision }, { metadata: [...link.metadata], clock })[Symbol.asyncIterator]();
  // The stream is left by its iterator: a call that is given up ends whatever waits for it.
  const leave = (): void => void stream.return?.().catch(() => undefined);
  signal.addEventListener("abort", leave, { once: true });
  let waitMs = firstAnswerMsMax;
  let isFirst = true;
  try {
    while (!signal.aborted) {
      const stopTimer = clock.after(waitMs, leave);
      const { done, value } = await stream.next().finally(stopTimer);
      if (done === true || signal.aborted) return;
      waitMs = Math.max(100, value.beatMs) * beatsMissedMax;
      Object.assign(held, { connected: true, heardAtMs: clock.monotonicMs(), lastReason: "" });
      if (value.settings) await take(link, value.settings);
      else if (isFirst && held.confirmation) await confirm(link, held.confirmation);
      isFirst = false;
      onAnswer();
      link.onAnswer();
    }
  } finally {
    signal.removeEventListener("abort", leave);
    leave();
  }
}

async function take(link: Link, { stamp, revision, values }: Settings): Promise<void> {
  const { host, held, request } = link;
  if (revision === 0n) {
    if (held.revision > 0n) host.log.warn("control knows of no settings; the last ones stay", { revision: String(held.revision) });
    return;
  }
  const raw = new Map<string, JsonValue>(Object.entries(values ?? {}));
  const outcome = await host.offer({ revision: String(revision), values: raw });
  const about = { service: request.service, instance: request.instance, stamp, revision };
  if (outcome.taken) {
    const { needsRestart, shadowed } = outcome;
    Object.assign(held, { stamp, revision });
    held.confirmation = { ...about, problems: [], needsRestart: [...needsRestart], shadowed: [...shadowed] };
  } else held.confirmation = { ...about, problems: [...outcome.problems], needsRestart: [], shadowed: [] };
  await confirm(link, held.confirmation);
}

/** Rejects when control does not hear it: then the stream is opened anew, and it is said again. */
async function confirm({ configs, metadata, host }: Link, confirmation: ConfirmRequest): Promise<void> {
  await configs.confirm(confirmation, { metadata: [...metadata], clock: host.clock, timeoutMs: confirmMsMax });
}
