import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Snapshot } from "@weir/api/snapshots";
import { createGateway, type GatewayOptions } from "@weir/gateway";

/** Whether the program's server is to be asked through a gateway. */
export const isBehindGateway: boolean = process.argv.includes("--behind-gateway");

/** Whether that server is one of gRPC alone, so that the gateway has to translate what else it is asked. */
const speaksGrpcAlone = process.argv.includes("--grpc-only");

/** What a gateway shows over TLS, and whose clients it lets in: PEM. No `clientCa`, or an empty one, asks for no certificates. */
export interface GatewayCredentials {
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
  readonly clientCa?: Uint8Array;
}

/** Starts a gateway that sends everything to one server, and answers the port that it listens on. With credentials it speaks TLS. */
export async function startGatewayBefore(port: number, credentials?: GatewayCredentials): Promise<number> {
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
  const gateway = await createGateway({ port: 0, snapshot, errorInfo: false, ...(credentials && { tls: filesOf(credentials) }) });
  return Number(new URL(gateway.url).port);
}

function filesOf({ certificate, key, clientCa = new Uint8Array(0) }: GatewayCredentials): NonNullable<GatewayOptions["tls"]> {
  const folder = mkdtempSync(join(tmpdir(), "weir-gateway-certificate-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  const write = (name: string, pem: Uint8Array): string => {
    writeFileSync(join(folder, name), pem, { mode: 0o600 });
    return join(folder, name);
  };
  const own = { certificateFile: write("tls.crt", certificate), keyFile: write("tls.key", key) };
  return clientCa.length === 0 ? own : { ...own, clientCaFile: write("ca.crt", clientCa) };
}
