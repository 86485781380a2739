import { Snapshot } from "@weir/api/snapshots";
import { createServer, type HttpHandler, type Server } from "@weir/wire";
import { createGateway, type Gateway, type GatewayOptions } from "../gateway.ts";

/** A backend of wire, on a port of its own. */
export interface Backend {
  readonly id: string;
  readonly version: string;
  readonly port: number;
  readonly server: Server;
  /** Requests so far. */
  count: number;
}

/** Starts a backend that answers with `handler`; default 200 with "<version> <id>". */
export async function startBackend(id: string, version: string, handler?: HttpHandler): Promise<Backend> {
  const server = createServer((request, exchange) => {
    backend.count++;
    return handler?.(request, exchange) ?? Promise.resolve({ status: 200, headers: ["content-type", "text/plain"], body: Buffer.from(`${version} ${id}`) });
  });
  const { port } = await server.listen({ port: 0 });
  const backend: Backend = { id, version, port, server, count: 0 };
  return backend;
}

/** How `snapshotOf` weighs. */
export interface SnapshotShape {
  readonly revision?: number;
  readonly epoch?: string;
  /** Users on v2, of 10000; undefined: v1 alone. */
  readonly newWeight?: number;
  readonly timeoutMs?: number;
  readonly userIdHeader?: string;
}

/** A Snapshot with one route "/" to the service "feed", whose endpoints are `places`. */
export function snapshotOf(places: readonly { id: string; version: string; port: number }[], shape: SnapshotShape = {}): Snapshot {
  const versions = [...new Set(["v1", ...places.map(({ version }) => version)])];
  const { newWeight } = shape;
  return Snapshot.create({
    revision: BigInt(shape.revision ?? 1),
    epoch: shape.epoch ?? "e1",
    madeAtMs: BigInt(Date.now()),
    clusters: versions.map((version) => ({
      service: "feed",
      version,
      endpoints: places.filter((place) => place.version === version).map(({ id, port }) => ({ id, address: `127.0.0.1:${port}` })),
    })),
    routes: [
      {
        name: "feed",
        host: "",
        pathPrefix: "/",
        service: "feed",
        shares:
          newWeight === undefined
            ? [{ version: "v1", weight: 10_000 }]
            : [
                { version: "v2", weight: newWeight },
                { version: "v1", weight: 10_000 - newWeight },
              ],
        salt: "salt",
        userIdSources: [{ source: { case: "query", value: "userId" } }, { source: { case: "header", value: shape.userIdHeader ?? "x-user" } }],
        timeoutMs: shape.timeoutMs ?? 0,
      },
    ],
  });
}

/** A gateway in front of backends, and a way to stop all of it. */
export interface House {
  readonly gateway: Gateway;
  /** Lines of the access log so far. */
  readonly lines: string[];
  stop(): Promise<void>;
}

/** Starts a gateway on any port with the Snapshot given. */
export async function startHouse(snapshot: Snapshot, backends: readonly Backend[], options: Partial<GatewayOptions> = {}): Promise<House> {
  const lines: string[] = [];
  const accessLog = {
    write: (line: string) => void lines.push(line),
    dropped: () => 0,
    flush: () => Promise.resolve(),
    flushSync() {},
    close: () => Promise.resolve(),
  };
  const gateway = await createGateway({ port: 0, adminPort: 0, snapshot, accessLog, ...options });
  return {
    gateway,
    lines,
    async stop() {
      await gateway.stop(200);
      await Promise.all(backends.map(({ server }) => server.close()));
    },
  };
}
