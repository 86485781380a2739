import process from "node:process";
import { Snapshot } from "@weir/api/snapshots";
import { createGateway } from "@weir/gateway";

/** Whether the program's server is to be asked through a gateway. */
export const isBehindGateway: boolean = process.argv.includes("--behind-gateway");

/** Whether that server is one of gRPC alone, so that the gateway has to translate what else it is asked. */
const speaksGrpcAlone = process.argv.includes("--grpc-only");

/** Starts a gateway that sends everything to one server, and answers the port that it listens on. */
export async function startGatewayBefore(port: number): Promise<number> {
  const endpoints = [{ id: "suite-1", address: `127.0.0.1:${port}`, http2: true, grpcOnly: speaksGrpcAlone }];
  const snapshot = Snapshot.create({
    revision: 1n,
    epoch: "suite",
    madeAtMs: BigInt(Date.now()),
    clusters: [{ service: "suite", version: "v1", endpoints }],
    routes: [
      {
        name: "suite",
        host: "",
        pathPrefix: "/",
        service: "suite",
        shares: [{ version: "v1", weight: 10_000 }],
        salt: "suite",
        userIdSources: [],
        timeoutMs: 0,
        idempotent: false,
      },
    ],
  });
  // As of the server: the suite counts the details of errors, and knows none of ours.
  const gateway = await createGateway({ port: 0, snapshot, errorInfo: false });
  return Number(new URL(gateway.url).port);
}
