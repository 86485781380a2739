import { openSync } from "node:fs";
import { Endpoint, Snapshot } from "@weir/api/snapshots";
import { createGateway } from "@weir/gateway";
import { createLineWriter } from "@weir/kit/telemetry/line-writer";

// Our gateway as `weir gateway` starts it: every default Layer, metrics, access log as JSON lines into a file.
const [port, backendPort] = process.argv.slice(2).map(Number);

const endpointOf = (id: string): Endpoint => Endpoint.create({ id, address: `127.0.0.1:${backendPort}` });

const snapshot = Snapshot.create({
  revision: 1n,
  epoch: "bench",
  madeAtMs: BigInt(Date.now()),
  clusters: [
    { service: "feed", version: "v1", endpoints: [endpointOf("feed-1")] },
    { service: "feed", version: "v2", endpoints: [endpointOf("feed-2")] },
  ],
  routes: [
    {
      name: "feed",
      host: "",
      pathPrefix: "/",
      service: "feed",
      shares: [
        { version: "v2", weight: 2_000 },
        { version: "v1", weight: 8_000 },
      ],
      salt: "bench",
      userIdSources: [{ source: { case: "query", value: "userId" } }],
      timeoutMs: 0,
      idempotent: false,
    },
  ],
});

await createGateway({ port: port ?? 0, adminPort: 0, snapshot, accessLog: createLineWriter({ fd: openSync("access.log", "a") }) });
