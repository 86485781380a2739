import type { Clock } from "@weir/kit/clock";
import type { ClientPolicies } from "@weir/kit/policy/client-policies";
import { createClient } from "@weir/kit/rpc/client";
import { createBalancedClient } from "@weir/kit/rpc/node/balance";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { Metrics } from "@weir/kit/telemetry/metrics";
import type { RecallClient } from "./recall.weir.ts";
import { Recall } from "./recall.weir.ts";

/** Where recall is. */
export interface RecallConnectionOptions {
  /** "weir:///recall" asks the control plane for its instances; static:/// and dns:/// name them. */
  readonly target: string;
  /** For weir:///. */
  readonly controlUrl?: string | undefined;
  readonly token?: string | undefined;
  /** What guards the calls: an app's `policies.client("recall")`. */
  readonly policies: ClientPolicies;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** A client of recall, and how to let go of its connections. */
export interface RecallConnection {
  readonly client: RecallClient;
  close(): Promise<void>;
}

/**
 * Recall by gRPC: one HTTP/2 connection to each of its instances, the less loaded of two asked, another when one is gone. Its contract says
 * how long a call and an attempt may take, and how often it is tried; a breaker and a bulkhead are there by default.
 */
export function connectRecall(options: RecallConnectionOptions): RecallConnection {
  const { target, controlUrl, token, policies, metrics, clock } = options;
  const control = controlUrl === undefined ? undefined : { url: controlUrl, ...(token !== undefined && { token }) };
  const client = createBalancedClient({ target, ...(control && { control }), telemetry: { name: "recall", metrics }, clock });
  const transport = createWireTransport({ client, protocol: "grpc" });
  return { client: createClient(Recall, transport, { policies }), close: () => client.close() };
}
