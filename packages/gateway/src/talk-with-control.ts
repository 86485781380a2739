import { Snapshots } from "@weir/api/snapshots";
import { Traffic } from "@weir/api/traffic";
import { runDaemons } from "@weir/kit/app/daemons";
import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { Metrics } from "@weir/kit/telemetry/metrics";
import type { GatewayParts } from "./build.ts";
import { createControlLink } from "./control-link.ts";
import { reportsDropped } from "./gateway-metrics.ts";
import type { SnapshotHolder } from "./snapshot-holder.ts";
import { trafficReport } from "./traffic-report.ts";
import type { Endpoints } from "./upstream/endpoints.ts";

/** The long-running parts that talk with control. */
export interface ControlTalk {
  /** Whether control is heard of; undefined when there is none to hear of. */
  readonly connected: (() => boolean) | undefined;
  start(): void;
  /** Sends a last report, then ends. */
  stop(): Promise<void>;
}

/** What they work with. */
export interface ControlTalkOptions {
  /** None: there is nothing to talk with. */
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly holder: SnapshotHolder;
  readonly endpoints: Endpoints;
  readonly parts: GatewayParts;
  readonly metrics: Metrics;
}

/** Snapshots in, acknowledgements and reports out; nothing runs before `start`. */
export function createControlTalk(options: ControlTalkOptions): ControlTalk {
  const { url, token, holder, endpoints, parts, metrics } = options;
  if (url === undefined) return { connected: undefined, start() {}, stop: () => Promise.resolve() };
  const { name, clock, log } = parts;
  // On the transport, not on calls: a call does not hand its metadata down to those made in its name.
  const metadata = token === undefined ? [] : ["authorization", `Bearer ${token}`];
  const transport = createWireTransport({ url, metadata });
  const link = createControlLink({ client: createClient(Snapshots, transport), holder, name, clock, log });
  const report = trafficReport({
    client: createClient(Traffic, transport),
    name,
    startId: parts.ids.traceId(),
    take: () => ({ endpoints: endpoints.takeReports(), causes: parts.meter.takeReport() }),
    dropped: reportsDropped(metrics),
    clock,
    log,
  });
  const daemons = [
    { name: "control link", daemon: link.run, restart: true },
    { name: "traffic report", daemon: report, restart: true },
  ];
  const stop = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    connected: link.connected,
    start() {
      running = runDaemons(daemons, { signal: stop.signal, clock, log }).catch((thrown: unknown) => {
        log.error("the talk with control ended badly", { error: thrown });
      });
    },
    async stop() {
      stop.abort();
      await running;
      await transport.close();
    },
  };
}
