import { systemClock, type Clock } from "./clock.ts";
import { coreReasons, fault, type Fault } from "./fault.ts";

/** Names and values in turn, flat: `["x-request-id", "a1", …]`. Names are lower case; a name may repeat. */
export type Metadata = string[];

/** Structured log lines. Fields are plain values; secrets never go in. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  with(fields: LogFields): Logger;
}

/** Fields of a log line, by name. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Who is at the other end: `address` is host:port, `identity` a SPIFFE id or subject once it has been proven. */
export interface Peer {
  readonly address: string;
  readonly identity: string | undefined;
}

/** W3C trace context: 32 and 16 hex digits and whether the trace is recorded. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** The name of a typed value that a Layer puts on a call and a handler reads. Compared by identity. */
export interface CallKey<T> {
  readonly name: string;
  readonly value?: T;
}

/** What hears of a call's early end. */
export type EndListener = (reason: Fault) => void;

/** What a Call begins with; each field has a default that works. */
export interface CallOptions {
  /** Full name of the method, "/weir.feed.v1.Feed/Page". Default "". */
  readonly method?: string;
  /** Milliseconds until DEADLINE_EXCEEDED. Default none; a child never gets more than its parent has left. */
  readonly timeoutMs?: number;
  readonly parent?: Call;
  /** One attempt of its parent, which ends alone: what it is replied is the parent's. Default false. */
  readonly attempt?: boolean;
  readonly metadata?: Metadata;
  readonly peer?: Peer;
  readonly trace?: TraceContext;
  readonly log?: Logger;
  readonly clock?: Clock;
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const noPeer: Peer = { address: "", identity: undefined };
const noTrace: TraceContext = { traceId: "", spanId: "", sampled: false };

/** Everything that belongs to one call beside its message. A class because it holds a timer and a listener. */
export class Call {
  readonly method: string;
  readonly clock: Clock;
  /** On `clock.monotonicMs`; Infinity when there is none. */
  readonly deadlineMs: number;
  readonly metadata: Metadata;
  /** Metadata that goes ahead of the answer, as headers; a handler may add to it until it answers. A caller finds here what came. */
  readonly replyMetadata: Metadata;
  readonly peer: Peer;
  trace: TraceContext;
  log: Logger;
  /** A Layer makes the call again when it fails: what carries it sends again only what was not looked at, so that tries do not multiply. */
  isRetried: boolean;
  readonly #replies: Call | undefined;
  #replyTrailers: Metadata | undefined;
  #parent: Call | undefined;
  #values: Map<CallKey<unknown>, unknown> | undefined;
  #controller: AbortController | undefined;
  #ended: Fault | undefined;
  #armed = false;
  #stopTimer: (() => void) | undefined;
  #onParent: EndListener | undefined;
  /** One listener stands by itself, a few in an array: hardly a call has more, and a Set costs more than all of them. */
  #listeners: EndListener | EndListener[] | Set<EndListener> | undefined;

  constructor(options: CallOptions = {}) {
    const parent = (this.#parent = options.parent);
    this.#replies = options.attempt ? parent : undefined;
    this.isRetried = this.#replies?.isRetried ?? false;
    this.replyMetadata = this.#replies?.replyMetadata ?? [];
    this.method = options.method ?? parent?.method ?? "";
    this.clock = options.clock ?? parent?.clock ?? systemClock;
    const ownMs = options.timeoutMs === undefined ? Infinity : this.clock.monotonicMs() + options.timeoutMs;
    this.deadlineMs = Math.min(ownMs, parent?.deadlineMs ?? Infinity);
    this.metadata = options.metadata ?? [];
    this.peer = options.peer ?? parent?.peer ?? noPeer;
    this.trace = options.trace ?? parent?.trace ?? noTrace;
    this.log = options.log ?? parent?.log ?? silent;
  }

  /** Aborts when the caller gives up or the deadline passes; its reason is a Fault. Made when first asked for. */
  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    const controller = (this.#controller = new AbortController());
    if (this.#ended) controller.abort(this.#ended);
    else if (!this.#armed) this.#arm();
    return controller.signal;
  }

  /**
   * Runs `listener` once, with the reason, when the caller gives up or the deadline passes: what `signal` is for, at a fraction of its cost.
   * At once when that has happened already. A listener must not throw.
   */
  onEnd(listener: EndListener): void {
    if (this.#ended) return listener(this.#ended);
    this.#listeners = withListener(this.#listeners, listener);
    if (!this.#armed) this.#arm();
  }

  /** Takes a listener of `onEnd` away. For what is shorter than the call. */
  offEnd(listener: EndListener): void {
    const listeners = this.#listeners;
    if (listeners === listener) this.#listeners = undefined;
    // The place of one that is not there, -1, becomes one behind all that are.
    else if (Array.isArray(listeners)) listeners.splice(listeners.indexOf(listener) >>> 0, 1);
    else if (typeof listeners === "object") listeners.delete(listener);
  }

  /** Metadata that follows the answer or its failure; a handler may add to it until then. A caller finds here what came. */
  get replyTrailers(): Metadata {
    return (this.#replyTrailers ??= this.#replies?.replyTrailers ?? []);
  }

  /** Whether `replyTrailers` holds anything; asking makes nothing. */
  get hasReplyTrailers(): boolean {
    return this.#replies?.hasReplyTrailers ?? (this.#replyTrailers !== undefined && this.#replyTrailers.length > 0);
  }

  /** Milliseconds left, never below 0; Infinity without a deadline. */
  remainingMs(): number {
    return this.deadlineMs === Infinity ? Infinity : Math.max(0, this.deadlineMs - this.clock.monotonicMs());
  }

  /** Ends the call early: the signal aborts with this Fault. Only the first end counts. */
  cancel(reason: Fault = fault(coreReasons.CALL_CANCELLED, "The caller gave up.")): void {
    if (this.#ended) return;
    this.#ended = reason;
    this.finish();
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (typeof listeners === "function") listeners(reason);
    else if (listeners) for (const listener of listeners) listener(reason);
    this.#controller?.abort(reason);
  }

  /** Why the call ended early, if it did. */
  get ended(): Fault | undefined {
    return this.#ended;
  }

  /** Lets go of timer and listener. Whoever made the call runs this once the answer is there. */
  finish(): void {
    if (!this.#armed) return;
    this.#armed = false;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    if (this.#onParent) this.#parent?.offEnd(this.#onParent);
    this.#onParent = undefined;
  }

  /** The value that a Layer set under the key, on this call or on the one it came from. */
  get<T>(key: CallKey<T>): T | undefined {
    return (this.#values?.has(key) ? this.#values.get(key) : this.#parent?.get(key)) as T | undefined;
  }

  /** Sets a typed value for the layers and the handler further in. */
  set<T>(key: CallKey<T>, value: T): void {
    (this.#values ??= new Map()).set(key, value);
  }

  /** A call made while serving this one: inherits deadline, trace, peer, log and values; cancelled with it. */
  child(options: Omit<CallOptions, "parent"> = {}): Call {
    return new Call({ ...options, parent: this });
  }

  #arm(): void {
    this.#armed = true;
    if (this.#parent) {
      this.#onParent = (reason) => this.cancel(reason);
      this.#parent.onEnd(this.#onParent);
    }
    // An attempt lives within its parent and hears of the parent's deadline from there; another child may outlive a parent that has answered.
    if (this.deadlineMs === Infinity || this.#ended || this.deadlineMs === this.#replies?.deadlineMs) return;
    this.#stopTimer = this.clock.after(this.remainingMs(), () =>
      this.cancel(fault(coreReasons.DEADLINE_EXCEEDED, "The deadline of the call passed.")),
    );
  }
}

function withListener(listeners: EndListener | EndListener[] | Set<EndListener> | undefined, listener: EndListener): typeof listeners {
  if (listeners === undefined || listeners === listener) return listener;
  if (typeof listeners === "function") return [listeners, listener];
  if (!Array.isArray(listeners)) return listeners.add(listener);
  if (listeners.length >= 8) return new Set(listeners).add(listener);
  if (!listeners.includes(listener)) listeners.push(listener);
  return listeners;
}

/** The first value of a name in lower case, or undefined. */
export function metadataValue(metadata: readonly string[], name: string): string | undefined {
  for (let index = 0; index < metadata.length; index += 2) if (metadata[index] === name) return metadata[index + 1];
  return undefined;
}
