import { type AcknowledgeRequest, type Snapshot, Snapshots, type SubscribeRequest, type SubscribeResponse } from "@weir/api/snapshots";
import { type ReportRequest, Traffic } from "@weir/api/traffic";
import { metadataValue } from "@weir/kit/call";
import { fault } from "@weir/kit/fault";
import { implement } from "@weir/kit/rpc/implement";
import { createRpcHandler } from "@weir/kit/rpc/node/server";
import { createServer } from "@weir/wire";

/** The part of a control plane that a gateway talks with, under the test's hand. */
export interface TestControl {
  readonly url: string;
  readonly port: number;
  readonly subscriptions: SubscribeRequest[];
  readonly acknowledged: AcknowledgeRequest[];
  readonly reports: ReportRequest[];
  /** Sends a Snapshot to whoever is subscribed, and to whoever comes. */
  push(snapshot: Snapshot): void;
  /** Says nothing any more, though connections stay open. */
  fallSilent(silent: boolean): void;
  /** Fails every report with this reason until told otherwise. */
  refuseReports(code: "INVALID_ARGUMENT" | "UNAVAILABLE" | undefined): void;
  /** Resolves once the condition holds; rejects after five seconds. */
  until(condition: () => boolean, what: string): Promise<void>;
  stop(): Promise<void>;
}

const beatMs = 100;

/** Starts a control plane that knows no Snapshot yet. `port` 0 for any. */
export async function startControl(port = 0): Promise<TestControl> {
  const subscriptions: SubscribeRequest[] = [];
  const acknowledged: AcknowledgeRequest[] = [];
  const reports: ReportRequest[] = [];
  let newest: Snapshot | undefined;
  let silent = false;
  let refusal: "INVALID_ARGUMENT" | "UNAVAILABLE" | undefined;
  let changed = Promise.withResolvers<void>();

  const snapshots = implement(Snapshots, {
    async *subscribe(request, call): AsyncGenerator<SubscribeResponse> {
      if (metadataValue(call.metadata, "authorization") !== "Bearer secret") {
        throw fault({ reason: "TOKEN_INVALID", code: "UNAUTHENTICATED" }, "Expected the token.");
      }
      subscriptions.push(request);
      let sent = request.epoch === newest?.epoch && request.revision === newest.revision ? newest : undefined;
      for (;;) {
        if (!silent) {
          yield { snapshot: sent === newest ? undefined : newest };
          sent = newest;
        }
        await Promise.race([changed.promise, call.clock.sleep(beatMs, call.signal)]);
      }
    },
    async acknowledge(request) {
      acknowledged.push(request);
      return {};
    },
    async listDataPlanes() {
      return { revision: newest?.revision ?? 0n, dataPlanes: [] };
    },
  });
  const traffic = implement(Traffic, {
    async report(request) {
      if (refusal !== undefined) throw fault({ reason: "REPORT_INVALID", code: refusal }, "The test refuses reports.");
      reports.push(request);
      return {};
    },
    async *watchTraffic() {},
  });
  const server = createServer(createRpcHandler([snapshots, traffic]));
  const address = await server.listen({ port });
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    subscriptions,
    acknowledged,
    reports,
    push(snapshot) {
      newest = snapshot;
      changed.resolve();
      changed = Promise.withResolvers();
    },
    fallSilent: (wanted) => void (silent = wanted),
    refuseReports: (code) => void (refusal = code),
    async until(condition, what) {
      const deadlineMs = performance.now() + 5000;
      while (!condition()) {
        if (performance.now() > deadlineMs) throw new Error(`expected within five seconds: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    stop: () => server.close(),
  };
}
