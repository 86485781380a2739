import type { Client, ClientState } from "@weir/wire";
import type { Clock } from "../../../clock.ts";
import type { BackoffOptions } from "./backoff.ts";
import { backoffMs } from "./backoff.ts";
import type { BalanceMetrics, EndpointState } from "./balance-metrics.ts";
import { Endpoint } from "./endpoint.ts";
import type { OutlierDetector, OutlierOptions, OutlierRecord } from "./outlier.ts";
import { countOutcome, createOutlierDetector } from "./outlier.ts";
import type { PickAsk, Picker } from "./picker.ts";
import type { Outcome } from "./request-fate.ts";
import type { RequestKind } from "./speech.ts";
import { takes } from "./speech.ts";
import type { SubsetOptions } from "./subset.ts";
import { subsetOf } from "./subset.ts";
import type { EndpointAddress } from "./endpoint-address.ts";
import { addressKey } from "./endpoint-address.ts";

/** What a fleet is made of. */
export interface FleetOptions {
  readonly createPicker: () => Picker;
  /** The connections of an endpoint. */
  readonly open: (address: EndpointAddress) => Client;
  /** Undefined: answers are not judged. */
  readonly outlier: OutlierOptions | undefined;
  readonly backoff: BackoffOptions;
  /** Undefined: all are used. */
  readonly subset: Required<SubsetOptions> | undefined;
  /** How long requests may go on at an endpoint that has left. */
  readonly drainMs: number;
  readonly metrics: BalanceMetrics;
  readonly clock: Clock;
  /** There are available endpoints, which may not have been so before. */
  readonly onAvailable: () => void;
}

/** An endpoint as people see it. */
export interface EndpointView {
  /** "127.0.0.1:7001". */
  readonly address: string;
  readonly state: EndpointState;
  readonly inFlight: number;
  /** How long it took to answer, of late; 0 for not known. */
  readonly latencyMs: number;
  /** How often it was put out, less the good intervals since. */
  readonly ejections: number;
}

/** A request that finds out whether an endpoint is back has as long before others may follow: more than a connection takes. */
const trialMsMax = 3000;
/** Time that an endpoint must have had before a caller that gives up blames it: at least this, and so many times what it usually takes. */
const lateMsMin = 50;
const lateFactorMin = 2;

/** Endpoints that take requests of one kind. */
interface Crowd {
  readonly picker: Picker;
  all: readonly Endpoint[];
  available: readonly Endpoint[];
}

/** The endpoints of a target: which there are, which of them are used, and what is known of each. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #detector: OutlierDetector | undefined;
  #byKey = new Map<string, Endpoint>();
  #all: readonly Endpoint[] = [];
  #records: readonly OutlierRecord[] = [];
  readonly #crowds: Readonly<Record<RequestKind, Crowd>>;
  #restricted = false;
  /** Endpoints that have left, each with the end of its last request. */
  readonly #leaving = new Map<Endpoint, Promise<void>>();
  #cancelSweep: () => void = () => undefined;
  #closed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { outlier, clock, metrics, createPicker } = options;
    const crowd = (): Crowd => ({ picker: createPicker(), all: [], available: [] });
    this.#crowds = { grpc: crowd(), other: crowd() };
    if (outlier === undefined) return;
    this.#detector = createOutlierDetector({ options: outlier, random: clock.random, onEjected: metrics.ejected });
    this.#sweepLater(outlier.intervalMs);
  }

  /** Whether there are endpoints that take some kinds of requests only. Else all requests are of the kind "other". */
  get restricted(): boolean {
    return this.#restricted;
  }

  /** Whether an endpoint that takes such requests is there and neither out nor away. */
  available(kind: RequestKind): boolean {
    return this.#crowds[kind].available.length > 0;
  }

  /** Whether there is any endpoint that takes such requests. */
  serves(kind: RequestKind): boolean {
    return this.#crowds[kind].all.length > 0;
  }

  /** Endpoints that are used, those that are out or away included. */
  get size(): number {
    return this.#all.length;
  }

  /** Connections of all endpoints together, those that are leaving included. */
  get state(): ClientState {
    const sum = { open: 0, idle: 0, inFlight: 0, waiting: 0 };
    for (const { client } of [...this.#all, ...this.#leaving.keys()]) {
      const { open, idle, inFlight, waiting } = client.state;
      sum.open += open;
      sum.idle += idle;
      sum.inFlight += inFlight;
      sum.waiting += waiting;
    }
    return sum;
  }

  /** For people. */
  views(): EndpointView[] {
    return [...this.#all, ...this.#leaving.keys()].map((endpoint) => ({
      address: endpoint.key,
      state: this.#stateOf(endpoint),
      inFlight: endpoint.inFlight,
      latencyMs: endpoint.latencyMs,
      ejections: endpoint.outlier.ejections,
    }));
  }

  /** From now on these. Those that stay keep their connections and what is known of them. */
  update(found: readonly EndpointAddress[]): void {
    if (this.#closed) return;
    const { subset, open, metrics } = this.#options;
    const addresses = subset === undefined ? found : subsetOf(found, subset);
    const next = new Map<string, Endpoint>();
    let changed = false;
    for (const address of addresses) {
      const key = addressKey(address);
      if (next.has(key)) continue;
      let endpoint = this.#byKey.get(key);
      // Another program has taken the address of one that is gone.
      if (endpoint === undefined || endpoint.address.speaks !== address.speaks) {
        endpoint = new Endpoint(address, { client: open(address), picks: metrics.picks(key) });
        changed = true;
      } else if (endpoint.weight !== (address.weight ?? 1)) {
        endpoint.weight = address.weight ?? 1;
        changed = true;
      }
      next.set(key, endpoint);
    }
    const left = this.#all.filter((endpoint) => next.get(endpoint.key) !== endpoint);
    if (!changed && left.length === 0) return;
    this.#byKey = next;
    this.#all = [...next.values()];
    this.#records = this.#all.map(({ outlier }) => outlier);
    this.#restricted = this.#all.some(({ address }) => address.speaks !== undefined && address.speaks !== "http2");
    for (const endpoint of left) this.#leave(endpoint, this.#options.drainMs);
    this.#reconsider();
  }

  /** Chooses an endpoint, which begins to carry the request; undefined when there is none at all. Follow with `end`. */
  begin(kind: RequestKind, ask: PickAsk): Endpoint | undefined {
    const endpoint = this.#crowds[kind].picker.pick(ask);
    if (endpoint === undefined) return undefined;
    endpoint.inFlight += 1;
    endpoint.picks.add();
    if (endpoint.reach === "trial") {
      endpoint.reach = "tried";
      this.#pause(endpoint, trialMsMax, "up");
      this.#reconsider();
    }
    return endpoint;
  }

  /** The head of an answer has come, after so long. */
  answered(endpoint: Endpoint, latencyMs: number, nowMs: number): void {
    endpoint.measured(latencyMs, nowMs);
    endpoint.answeredMs = nowMs;
    endpoint.connectFailures = 0;
    if (endpoint.reach !== "up") this.#reached(endpoint, "up");
  }

  /** A request that was sent at `sentMs` is over. */
  end(endpoint: Endpoint, outcome: Outcome, sentMs: number): void {
    endpoint.inFlight -= 1;
    if (outcome === "unreachable") this.#unreachable(endpoint);
    else if (endpoint.reach === "tried") this.#reached(endpoint, outcome === "unknown" ? "trial" : "up");
    // What cannot be reached has its pause; it has not answered badly.
    if (outcome === "unknown" || outcome === "unreachable") return;
    const nowMs = this.#options.clock.monotonicMs();
    if (outcome === "late" || outcome === "given-up") {
      const waitedMs = nowMs - sentMs;
      // Whoever gives up may have any reason, unless the endpoint has been silent to all since.
      if (outcome === "given-up" && endpoint.answeredMs > sentMs) return;
      if (waitedMs < Math.max(lateMsMin, endpoint.latencyMs * lateFactorMin)) return;
    }
    if (this.#detector === undefined) return;
    const { outlier } = endpoint;
    countOutcome(outlier, outcome === "success");
    if (outcome === "success" || this.#leaving.has(endpoint)) return;
    if (this.#detector.failed(outlier, this.#records, nowMs)) this.#reconsider();
  }

  /** Whether one that is available is not among these. */
  hasOther(kind: RequestKind, tried: readonly Endpoint[]): boolean {
    return this.#crowds[kind].available.some((endpoint) => !tried.includes(endpoint));
  }

  /** Lets all endpoints go; resolves when the last request is over or cut. */
  async drain(timeoutMs: number): Promise<void> {
    this.#closed = true;
    this.#cancelSweep();
    const all = this.#all;
    this.#all = [];
    this.#records = [];
    this.#byKey = new Map();
    for (const endpoint of [...this.#leaving.keys(), ...all]) this.#leave(endpoint, timeoutMs);
    this.#reconsider();
    await Promise.all(this.#leaving.values());
  }

  #leave(endpoint: Endpoint, drainMs: number): void {
    endpoint.cancelPause?.();
    endpoint.cancelPause = undefined;
    // One that leaves already is told again when all is to end sooner.
    const gone = endpoint.client.drain(drainMs).then(() => {
      if (!this.#leaving.delete(endpoint)) return;
      if (!this.#byKey.has(endpoint.key)) this.#options.metrics.left(endpoint.key);
      this.#showStates();
    });
    this.#leaving.set(endpoint, gone);
  }

  #unreachable(endpoint: Endpoint): void {
    // Others that failed with the same connection say nothing new.
    if (endpoint.reach === "down" || this.#byKey.get(endpoint.key) !== endpoint) return;
    endpoint.connectFailures += 1;
    endpoint.reach = "down";
    const { backoff, clock } = this.#options;
    this.#pause(endpoint, backoffMs(endpoint.connectFailures, backoff, clock.random), "trial");
    this.#reconsider();
  }

  #pause(endpoint: Endpoint, forMs: number, then: "up" | "trial"): void {
    endpoint.cancelPause?.();
    endpoint.cancelPause = this.#options.clock.after(forMs, () => this.#reached(endpoint, then));
  }

  #reached(endpoint: Endpoint, reach: "up" | "trial"): void {
    endpoint.cancelPause?.();
    endpoint.cancelPause = undefined;
    endpoint.reach = reach;
    this.#reconsider();
  }

  #sweepLater(intervalMs: number): void {
    this.#cancelSweep = this.#options.clock.after(intervalMs, () => {
      if (this.#detector?.sweep(this.#records, this.#options.clock.monotonicMs()) === true) this.#reconsider();
      this.#sweepLater(intervalMs);
    });
  }

  /** Which endpoints are available has changed. */
  #reconsider(): void {
    const { grpc, other } = this.#crowds;
    this.#gather(other, this.#restricted ? this.#all.filter(({ address }) => takes(address.speaks, "other")) : this.#all);
    this.#gather(grpc, this.#restricted ? this.#all.filter(({ address }) => takes(address.speaks, "grpc")) : []);
    this.#showStates();
    if (other.available.length + grpc.available.length > 0) this.#options.onAvailable();
  }

  #gather(crowd: Crowd, all: readonly Endpoint[]): void {
    crowd.all = all;
    crowd.available = all.filter((endpoint) => endpoint.available);
    crowd.picker.use(crowd.all, crowd.available);
  }

  #showStates(): void {
    const counts = { ready: 0, ejected: 0, unreachable: 0, leaving: this.#leaving.size };
    for (const endpoint of this.#all) counts[this.#stateOf(endpoint)] += 1;
    this.#options.metrics.states(counts);
  }

  #stateOf(endpoint: Endpoint): EndpointState {
    if (this.#leaving.has(endpoint)) return "leaving";
    if (endpoint.outlier.ejectedAtMs !== undefined) return "ejected";
    return endpoint.reach === "up" ? "ready" : "unreachable";
  }
}
