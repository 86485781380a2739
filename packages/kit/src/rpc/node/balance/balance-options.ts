import type { Client, ClientOptions, ClientRequest, RequestOptions } from "@weir/wire";
import type { Logger } from "../../../call.ts";
import type { Clock } from "../../../clock.ts";
import type { Metrics } from "../../../telemetry/metrics.ts";
import type { BackoffOptions } from "./backoff.ts";
import type { DnsOptions } from "./dns-target.ts";
import type { OutlierOptions } from "./outlier.ts";
import type { Choice } from "./choice.ts";
import type { RetryBudgetOptions } from "./retry-budget.ts";
import type { SubsetOptions } from "./subset.ts";
import type { EndpointAddress } from "./endpoint-address.ts";
import type { Target } from "./target.ts";
import type { ControlOptions } from "./weir-target.ts";

/** How the connections to each endpoint are made: what wire's client takes, but for host, port and clock. HTTP/2 unless `http2` is false. */
export type ConnectionOptions = Omit<ClientOptions, "host" | "port" | "clock">;

/** What is sent again by itself. */
export interface RetryOptions extends RetryBudgetOptions {
  /** Endpoints that a request is sent to in all, while none of them could be connected to. Default 4. */
  readonly endpointsMax: number;
  /** Whether a request may be sent twice that does not say so itself. Default by its HTTP method (RFC 9110 §9.2.2). */
  readonly isIdempotent: (request: ClientRequest) => boolean;
}

/** How long calls wait, in milliseconds. */
export interface WaitOptions {
  /** For the first list of endpoints; where `waitForReady` holds, for one that is available. A call's own time may be shorter. Default 5,000. */
  readonly waitMs: number;
  /** Calls wait for an available endpoint instead of failing when there is none. Default false. */
  readonly waitForReady: boolean;
  /** Calls that may wait; one more is CALLS_WAITING_TOO_MANY. Default 1024. */
  readonly waitersMax: number;
  /** How long requests may go on at an endpoint that has left. Default 30,000. */
  readonly drainMs: number;
}

/** Who is told. */
export interface BalanceTelemetry {
  /** Names the target in metrics and log. Default its url. */
  readonly name?: string;
  /** Default: nothing is counted. */
  readonly metrics?: Metrics;
  /** Default: nothing is logged. */
  readonly log?: Logger;
}

/** A client of many endpoints. */
export interface BalancedClientOptions {
  /** `static:///127.0.0.1:7001,127.0.0.1:7002`, `dns:///feed.internal:7000`, `weir:///feed?version=v2`, or a Target of one's own. */
  readonly target: string | Target;
  /** Default least load. */
  readonly choice?: Choice;
  /** How connections are made, or who makes them. */
  readonly connection?: ConnectionOptions | ((address: EndpointAddress) => Client);
  /** For weir targets. */
  readonly control?: ControlOptions;
  /** For dns targets. */
  readonly dns?: DnsOptions;
  /** Default all endpoints are used. */
  readonly subset?: SubsetOptions;
  /** False to judge no answers. */
  readonly outlier?: Partial<OutlierOptions> | false;
  readonly backoff?: Partial<BackoffOptions>;
  readonly retry?: Partial<RetryOptions>;
  readonly waits?: Partial<WaitOptions>;
  readonly telemetry?: BalanceTelemetry;
  readonly clock?: Clock;
}

/** A request that says more of itself than wire needs. */
export interface BalancedRequest extends ClientRequest {
  /** Whether it may be sent twice. Calls of contracts say so by their `idempotency_level`. */
  readonly idempotent?: boolean;
}

/** What one request may be told beside what wire knows. */
export interface BalancedRequestOptions extends RequestOptions {
  /** Key for ring hash, before the header's. */
  readonly key?: string;
  /** Instead of the client's. */
  readonly waitForReady?: boolean;
}

/** Methods of HTTP that may be sent twice. RFC 9110 §9.2.2. */
const repeatable = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** Defaults of RetryOptions. */
export const retryDefaults: RetryOptions = {
  ratio: 0.2,
  tokensMax: 100,
  endpointsMax: 4,
  isIdempotent: ({ method }) => repeatable.has(method),
};

/** Defaults of WaitOptions. */
export const waitDefaults: WaitOptions = { waitMs: 5000, waitForReady: false, waitersMax: 1024, drainMs: 30_000 };
