import type { Choosable } from "./choice.ts";
import type { EndpointClients } from "./endpoint-clients.ts";
import type { EndpointMeter } from "./endpoint-meter.ts";

/** An address of a cluster: its connections, what is known of its health, and what it has done. Outlives Snapshots. */
export interface Endpoint extends Choosable {
  readonly service: string;
  readonly version: string;
  readonly id: string;
  /** What the access log says of it: `,"version":"v2","endpoint":"feed-1"`. */
  readonly logText: string;
  /** host:port. */
  readonly address: string;
  /** Whether it takes HTTP/2 beside HTTP/1.1. */
  readonly http2: boolean;
  /** Whether it speaks gRPC over HTTP/2 and nothing else. */
  readonly grpcOnly: boolean;
  readonly clients: EndpointClients;
  readonly meter: EndpointMeter;
  /** Snapshots that name it and are still in use. */
  holders: number;
  /** Called when nobody holds it any more and its last request is over. */
  readonly onIdle: () => void;
}

/** A request begins at the endpoint. */
export function beginRequest(endpoint: Endpoint): void {
  endpoint.inFlight++;
}

/** A request is over, its answer's body too. */
export function endRequest(endpoint: Endpoint): void {
  endpoint.inFlight--;
  if (endpoint.inFlight === 0 && endpoint.holders === 0) endpoint.onIdle();
}
