import { openSync } from "node:fs";
import { Snapshot } from "@weir/api/snapshots";
import { createGateway } from "@weir/gateway";
import { createLineWriter } from "@weir/kit/telemetry/line-writer";

// Our gateway as `weir gateway` starts it: every default Layer, metrics, access log as JSON lines into a file.
const [port, backendPort] = process.argv.slice(2).map(Number);

const snapshot = Snapshot.create({
  revision: 1n,
  epoch: "bench",
  madeAtMs: BigInt(Date.now()),
  clusters: [
    { service: "feed", version: "v1", endpoints: [{ id: "feed-1", address: `127.0.0.1:${backendPort}` }] },
    { service: "feed", version: "v2", endpoints: [{ id: "feed-2", address: `127.0.0.1:${backendPort}` }] },
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
    },
  ],
});

await createGateway({ port: port ?? 0, adminPort: 0, snapshot, accessLog: createLineWriter({ fd: openSync("access.log", "a") }) });
