import { Snapshot } from "@weir/api/snapshots";
import { createGateway } from "@weir/gateway";
import { believedIn } from "./belief.ts";
import type { SeenRequest } from "./request-case.ts";

/** A request that a forwarder says it has carried, or refused after it had understood it. */
export interface ForwardedLine {
  readonly requestId: string;
  readonly status: number;
  /** How often it was sent on; more than once when it was tried again. */
  readonly attempts: number;
}

/** What stands between client and backend: our gateway, or one that is planted to be found out. */
export interface Forwarder {
  readonly port: number;
  /** What it takes a client's bytes for. */
  believed(bytes: string): Promise<readonly SeenRequest[]>;
  /** What it has carried since the last look. */
  lines(): readonly ForwardedLine[];
  stop(): Promise<void>;
}

/** Our gateway with everything at its defaults, in front of one backend. */
export async function startWeirForwarder(backendPort: number): Promise<Forwarder> {
  let lines: ForwardedLine[] = [];
  const accessLog = {
    write(text: string): void {
      // The number of attempts stands there only when it is not 1.
      lines.push({ attempts: 1, ...(JSON.parse(text) as Partial<ForwardedLine> & Omit<ForwardedLine, "attempts">) });
    },
    dropped: () => 0,
    flush: () => Promise.resolve(),
    flushSync() {},
    close: () => Promise.resolve(),
  };
  const snapshot = Snapshot.create({
    revision: 1n,
    epoch: "differential",
    madeAtMs: BigInt(Date.now()),
    clusters: [
      { service: "any", version: "v1", endpoints: [{ id: "one", address: `127.0.0.1:${backendPort}`, http2: false, grpcOnly: false }] },
    ],
    routes: [
      {
        name: "any",
        host: "",
        pathPrefix: "/",
        service: "any",
        shares: [{ version: "v1", weight: 10_000 }],
        salt: "x",
        userIdSources: [],
        timeoutMs: 0,
        idempotent: false,
      },
    ],
  });
  const gateway = await createGateway({ port: 0, snapshot, accessLog });
  return {
    port: Number(new URL(gateway.url).port),
    believed: believedIn,
    lines() {
      const taken = lines;
      lines = [];
      return taken;
    },
    stop: () => gateway.stop(200),
  };
}
