import type { BodyStream, Client, ClientRequest, ClientResponse, ClientState } from "@weir/wire";
import { headerValue, WireError, wireReasons } from "@weir/wire";
import { Call } from "../../../call.ts";
import type { Clock } from "../../../clock.ts";
import { systemClock } from "../../../clock.ts";
import { kitReasons } from "../../../reasons.ts";
import { backoffDefaults } from "./backoff.ts";
import type { BalanceMetrics, RetryCause } from "./balance-metrics.ts";
import { createBalanceMetrics } from "./balance-metrics.ts";
import type { BalancedClientOptions, BalancedRequest, BalancedRequestOptions, RetryOptions, WaitOptions } from "./balance-options.ts";
import { retryDefaults, waitDefaults } from "./balance-options.ts";
import type { CallQueue } from "./call-queue.ts";
import { createCallQueue } from "./call-queue.ts";
import type { Endpoint } from "./endpoint.ts";
import { endpointClients } from "./endpoint-client.ts";
import type { EndpointView } from "./fleet.ts";
import { Fleet } from "./fleet.ts";
import { FreshBody } from "./fresh-body.ts";
import { outlierDefaults } from "./outlier.ts";
import { createPicker } from "./choice.ts";
import type { Fate, Repeatability } from "./request-fate.ts";
import { fateOf, outcomeOf, outcomeOfTrailers, saysElsewhere } from "./request-fate.ts";
import type { Resolution } from "./resolution.ts";
import { ResolutionBook } from "./resolution.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { createRetryBudget } from "./retry-budget.ts";
import type { Target, TargetWatch } from "./target.ts";
import { targetFromUrl } from "./target-url.ts";
import type { RequestKind } from "./speech.ts";
import { kindOf } from "./speech.ts";
import { textHash } from "./text-hash.ts";
import { WatchedBody } from "./watched-body.ts";

/** A client of the endpoints of a target; any protocol goes over it. */
export interface BalancedClient extends Client {
  /** What may be sent again is sent again here, and by nobody above: tries must not multiply. */
  readonly repeats: true;
  /** What is known of the target, and how old it is. */
  readonly resolution: Resolution;
  /** All endpoints, those that are leaving included. */
  endpoints(): EndpointView[];
  /**
   * Sends a request to one of the endpoints. Rejects with a WireError only: beside wire's own reasons TARGET_UNRESOLVED, ENDPOINTS_NONE and
   * CALLS_WAITING_TOO_MANY. A body in pieces must be read to its end or left, as wire has it: until then the request counts as in flight.
   */
  request(request: BalancedRequest, options?: BalancedRequestOptions): Promise<ClientResponse>;
}

/**
 * A client that learns the endpoints of its target, keeps connections to each, and chooses one for every request. It begins to look at once and
 * connects when the first request comes. Throws TARGET_INVALID.
 * @example createWireTransport({ client: createBalancedClient({ target: "dns:///feed.internal:7000" }) })
 */
export function createBalancedClient(options: BalancedClientOptions): BalancedClient {
  return new Balancer(options);
}

/** A request that has not gone well at once. */
interface Journey {
  readonly startedMs: number;
  /** Its body, where that comes in pieces. */
  readonly body: FreshBody | undefined;
  /** Endpoints that have failed it. */
  readonly tried: Endpoint[];
  /** How often it was sent again because somebody had done nothing with it. */
  refused: number;
  /** How often it was sent again though it may have reached somebody. */
  repeated: number;
}

/** A request on its way to an endpoint. */
interface Sending {
  readonly endpoint: Endpoint;
  readonly request: BalancedRequest;
  readonly options: BalancedRequestOptions;
  readonly journey: Journey | undefined;
  readonly kind: RequestKind;
  /** When it was sent to this endpoint. */
  readonly sentMs: number;
}

const noneTried: readonly Endpoint[] = [];
/** How often a request may meet a kept connection that was closed meanwhile. */
const staleRepeatsMax = 3;
const noOptions: BalancedRequestOptions = {};
const left: Fate = { outcome: "unknown", repeatable: "never", disconnected: false };
const elsewhere: Fate = { outcome: "failure", repeatable: "idempotent", disconnected: false };
const causes: Readonly<Record<Repeatability, RetryCause>> = {
  unsent: "unreachable",
  unprocessed: "refused",
  idempotent: "idempotent",
  never: "idempotent",
};

class Balancer implements BalancedClient {
  readonly repeats = true;
  readonly #clock: Clock;
  readonly #target: Target;
  readonly #watch: TargetWatch;
  readonly #book: ResolutionBook;
  readonly #fleet: Fleet;
  readonly #queue: CallQueue;
  readonly #budget: RetryBudget;
  readonly #retry: RetryOptions;
  readonly #waits: WaitOptions;
  readonly #metrics: BalanceMetrics;
  readonly #hashes: boolean;
  readonly #keyHeader: string | undefined;
  #closed = false;

  constructor(options: BalancedClientOptions) {
    const { target, choice = { kind: "least-load" }, connection = {}, telemetry = {}, outlier, subset } = options;
    const clock = options.clock ?? systemClock;
    this.#clock = clock;
    this.#target = typeof target === "string" ? targetFromUrl(target, { dns: options.dns ?? {}, control: options.control, clock }) : target;
    this.#metrics = createBalanceMetrics(telemetry.metrics, telemetry.name ?? this.#target.url);
    this.#waits = { ...waitDefaults, ...options.waits };
    this.#retry = { ...retryDefaults, ...options.retry };
    this.#budget = createRetryBudget(this.#retry);
    this.#hashes = choice.kind === "ring-hash";
    this.#keyHeader = choice.kind === "ring-hash" ? choice.header : undefined;
    this.#queue = createCallQueue(clock, this.#waits.waitersMax);
    this.#fleet = new Fleet({
      createPicker: () => createPicker(choice, clock.random),
      open:
        typeof connection === "function" ? connection : endpointClients({ options: connection, authority: this.#target.authority, clock }),
      outlier: outlier === false ? undefined : { ...outlierDefaults, ...outlier },
      backoff: { ...backoffDefaults, ...options.backoff },
      subset: subset && { size: subset.size, clientId: subset.clientId ?? `${clock.random()}` },
      drainMs: this.#waits.drainMs,
      metrics: this.#metrics,
      clock,
      onAvailable: () => this.#queue.release(),
    });
    this.#book = new ResolutionBook({
      url: this.#target.url,
      onList: (addresses) => this.#fleet.update(addresses),
      onNothing: () => this.#queue.fail(this.#noEndpoint(), false),
      metrics: this.#metrics,
      log: telemetry.log ?? new Call().log,
      clock,
    });
    this.#watch = this.#target.watch(this.#book);
  }

  get state(): ClientState {
    const state = this.#fleet.state;
    return { ...state, waiting: state.waiting + this.#queue.size };
  }

  get resolution(): Resolution {
    return this.#book.current;
  }

  endpoints(): EndpointView[] {
    return this.#fleet.views();
  }

  request(request: BalancedRequest, options: BalancedRequestOptions = noOptions): Promise<ClientResponse> {
    if (this.#closed) return Promise.reject(closedError());
    this.#budget.earn();
    const { body } = request;
    if (body === undefined || body instanceof Uint8Array || body.whole !== undefined) return this.#send(request, options, undefined);
    const startedMs = this.#clock.monotonicMs();
    return this.#send(request, options, { startedMs, body: new FreshBody(body), tried: [], refused: 0, repeated: 0 });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#closed = true;
    this.#watch.close();
    this.#queue.fail(closedError(), true);
    await this.#fleet.drain(timeoutMs);
  }

  close(): Promise<void> {
    return this.drain(0);
  }

  #isPatient({ waitForReady }: BalancedRequestOptions): boolean {
    return waitForReady ?? this.#waits.waitForReady;
  }

  #send(request: BalancedRequest, options: BalancedRequestOptions, journey: Journey | undefined): Promise<ClientResponse> {
    const sentMs = this.#clock.monotonicMs();
    const kind = this.#fleet.restricted ? kindOf(request) : "other";
    const mayPick = this.#fleet.available(kind) || !this.#isPatient(options);
    const hash = this.#hashes ? this.#hashOf(request, options) : undefined;
    const endpoint = mayPick ? this.#fleet.begin(kind, { nowMs: sentMs, hash, tried: journey?.tried ?? noneTried }) : undefined;
    if (endpoint === undefined) return this.#wait(request, options, journey ?? newJourney(sentMs));
    const told = journey === undefined ? options : optionsLeft(options, sentMs - journey.startedMs);
    return endpoint.client.request(this.#attempt(request, journey), told).then(
      (response) => this.#answered(response, { endpoint, request, options, journey, kind, sentMs }),
      (error: unknown) => this.#rejected(error, { endpoint, request, options, journey, kind, sentMs }),
    );
  }

  /** The request as one attempt sends it. */
  #attempt(request: BalancedRequest, journey: Journey | undefined): ClientRequest {
    const { authority = "" } = this.#target;
    const body = journey?.body;
    if (body === undefined && (authority === "" || request.authority)) return request;
    return { ...request, authority: request.authority || authority, body: body === undefined ? request.body : body.view() };
  }

  #hashOf(request: BalancedRequest, options: BalancedRequestOptions): number | undefined {
    const key = options.key ?? (this.#keyHeader === undefined ? undefined : headerValue(request.headers, this.#keyHeader));
    return key === undefined ? undefined : textHash(key);
  }

  #answered(response: ClientResponse, sending: Sending): ClientResponse | Promise<ClientResponse> {
    const { endpoint, sentMs } = sending;
    const nowMs = this.#clock.monotonicMs();
    this.#fleet.answered(endpoint, nowMs - sentMs, nowMs);
    const { body } = response;
    const isWhole = body === undefined || body instanceof Uint8Array || body.whole !== undefined;
    if (!isWhole && response.duplex === undefined) return { ...response, body: this.#watched(body, response, sending) };
    const outcome = outcomeOf(response);
    this.#fleet.end(endpoint, outcome, sentMs);
    if (outcome === "success" || !saysElsewhere(response) || !this.#mayRepeat(elsewhere, sending, nowMs)) return response;
    return this.#again(elsewhere, sending);
  }

  #watched(body: BodyStream, { status }: ClientResponse, { endpoint, options, sentMs }: Sending): BodyStream {
    const { signal, timeoutMs } = options;
    let isOver = false;
    const over = (outcome: Fate["outcome"]): void => {
      if (isOver) return;
      isOver = true;
      signal?.removeEventListener("abort", onLeft);
      cancelTimer?.();
      this.#fleet.end(endpoint, outcome, sentMs);
    };
    // Also when nobody reads the body any more.
    const onLeft = (): void => over(left.outcome);
    const cancelTimer = timeoutMs === undefined ? undefined : this.#clock.after(timeoutMs, onLeft);
    signal?.addEventListener("abort", onLeft, { once: true });
    // Whoever reads is told by the body itself, and that counts.
    options.onCancel?.(() => setImmediate(onLeft));
    return new WatchedBody(body, (end, thrown) => {
      if (end === "failed") over(fateOf(thrown, options).outcome);
      else if (end === "left") onLeft();
      else over(status >= 500 ? "failure" : outcomeOfTrailers(body.trailers?.()));
    });
  }

  #rejected(thrown: unknown, sending: Sending): Promise<ClientResponse> {
    const { endpoint, options, journey, sentMs } = sending;
    const fate = fateOf(thrown, options);
    this.#fleet.end(endpoint, fate.outcome, sentMs);
    if (fate.disconnected) this.#watch.refresh();
    if (this.#mayRepeat(fate, sending, this.#clock.monotonicMs())) return this.#again(fate, sending);
    journey?.body?.leave();
    throw thrown;
  }

  /** Whether a request that ended so is sent again; if it has to be paid for, it is. */
  #mayRepeat({ outcome, repeatable, stale, free }: Fate, { endpoint, request, options, journey, kind }: Sending, nowMs: number): boolean {
    if (repeatable === "never" || this.#closed || options.signal?.aborted === true || journey?.body?.fresh === false) return false;
    if (journey !== undefined && options.timeoutMs !== undefined && nowMs - journey.startedMs >= options.timeoutMs) return false;
    if (repeatable === "unsent") {
      if (outcome === "unreachable" && this.#isPatient(options)) return true;
      const tried = journey?.tried ?? noneTried;
      return tried.length + 1 < this.#retry.endpointsMax && this.#fleet.hasOther(kind, [...tried, endpoint]);
    }
    if (repeatable === "idempotent" && !(request.idempotent ?? this.#retry.isIdempotent(request))) return false;
    // Once for either: whoever is refused by one that stops may meet one that begins.
    const before = repeatable === "unprocessed" ? journey?.refused : journey?.repeated;
    if ((before ?? 0) >= (stale === true ? staleRepeatsMax : 1)) return false;
    if (free === true || this.#budget.spend()) return true;
    this.#metrics.budgetSpent();
    return false;
  }

  #again({ repeatable, stale }: Fate, { endpoint, request, options, journey, sentMs }: Sending): Promise<ClientResponse> {
    const next = journey ?? newJourney(sentMs);
    next.tried.push(endpoint);
    if (repeatable === "unprocessed") next.refused += 1;
    else if (repeatable === "idempotent") next.repeated += 1;
    this.#metrics.retried(causes[repeatable]);
    if (stale !== true) return this.#send(request, options, next);
    // A server that stops closes all its kept connections at once: a turn later the client knows of the others.
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#send(request, options, next));
  }

  async #wait(request: BalancedRequest, options: BalancedRequestOptions, journey: Journey): Promise<ClientResponse> {
    try {
      const patient = this.#isPatient(options);
      if (!patient && this.#book.current.outcome !== "waiting") {
        this.#watch.refresh();
        throw this.#noEndpoint(request);
      }
      const { timeoutMs = Infinity } = options;
      const mostMs = Math.min(this.#waits.waitMs, timeoutMs);
      const waitMs = Math.max(0, mostMs - (this.#clock.monotonicMs() - journey.startedMs));
      const late = (): WireError => (timeoutMs <= this.#waits.waitMs ? totalTimeout(timeoutMs) : this.#noEndpoint(request));
      await this.#queue.wait({ options, waitMs, late, patient });
      if (this.#closed) throw closedError();
    } catch (error) {
      journey.body?.leave();
      throw error;
    }
    // Those that failed it before may be the ones that are back.
    journey.tried.length = 0;
    return this.#send(request, options, journey);
  }

  #noEndpoint(request?: ClientRequest): WireError {
    const { url } = this.#target;
    const { outcome, error } = this.#book.current;
    if (request !== undefined && this.#fleet.restricted && !this.#fleet.serves(kindOf(request))) {
      const speech = kindOf(request) === "grpc" ? "gRPC" : "anything but gRPC";
      return new WireError({ ...kitReasons.ENDPOINTS_NONE, status: 503 }, `expected endpoints of ${url} that take ${speech}, found none`);
    }
    if (this.#fleet.size > 0) {
      return new WireError(wireReasons.CONNECT_FAILED, `expected an endpoint of ${url} that can be reached, found none in time`);
    }
    if (outcome === "empty")
      return new WireError({ ...kitReasons.ENDPOINTS_NONE, status: 503 }, `expected endpoints of ${url}, found none`);
    const message = `expected to learn the endpoints of ${url}, found: ${error === undefined ? "no answer in time" : error.message}`;
    return new WireError({ ...kitReasons.TARGET_UNRESOLVED, status: 503 }, message, { cause: error });
  }
}

function newJourney(startedMs: number): Journey {
  return { startedMs, body: undefined, tried: [], refused: 0, repeated: 0 };
}

function optionsLeft(options: BalancedRequestOptions, passedMs: number): BalancedRequestOptions {
  return options.timeoutMs === undefined ? options : { ...options, timeoutMs: Math.max(0, options.timeoutMs - passedMs) };
}

function closedError(): WireError {
  return new WireError(wireReasons.CLIENT_CLOSED, "expected an open client, found it closed");
}

function totalTimeout(timeoutMs: number): WireError {
  return new WireError(wireReasons.TOTAL_TIMEOUT, `expected an endpoint within ${timeoutMs} ms, found none`);
}
