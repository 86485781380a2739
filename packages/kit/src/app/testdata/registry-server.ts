import type { Server } from "@weir/wire";
import { createServer } from "@weir/wire";
import type { Clock } from "../../clock.ts";
import { systemClock } from "../../clock.ts";
import { fault } from "../../fault.ts";
import type { Implementation } from "../../rpc/implement.ts";
import { implement } from "../../rpc/implement.ts";
import { createRpcHandler } from "../../rpc/node/server.ts";
import type { Instance } from "../registry.weir.ts";
import { Registry } from "../registry.weir.ts";

const leaseMs = 1500;
const heartbeatMs = 500;

/** A real registry that remembers only in memory. */
export interface MemoryRegistry {
  readonly implementation: Implementation;
  /** Those whose lease holds. */
  live(): Instance[];
  /** As after a restart without a store. */
  forget(): void;
  /** What was asked, in order: "register sample", "heartbeat", … */
  readonly asked: string[];
}

/** A registry with leases of 1500 ms and heartbeats of 500. With `token` it wants that as bearer. */
export function createMemoryRegistry(options: { readonly clock?: Clock; readonly token?: string } = {}): MemoryRegistry {
  const { clock = systemClock, token } = options;
  const instances = new Map<string, { readonly instance: Instance; untilMs: number }>();
  const asked: string[] = [];
  const implementation = implement(
    Registry,
    {
      async register({ instance }) {
        asked.push(`register ${instance?.service}`);
        if (instance) instances.set(instance.id, { instance, untilMs: clock.monotonicMs() + leaseMs });
        return { leaseMs, heartbeatMs };
      },
      async heartbeat({ instanceId }) {
        asked.push("heartbeat");
        const found = instances.get(instanceId);
        if (found) found.untilMs = clock.monotonicMs() + leaseMs;
        return { known: found !== undefined };
      },
      async deregister({ instanceId }) {
        asked.push("deregister");
        return { known: instances.delete(instanceId) };
      },
      async listInstances() {
        return { instances: [] };
      },
      async *watch() {
        yield { instances: [], beatMs: 1000 };
      },
    },
    {
      layers: [
        (next) => async (request, call) => {
          const at = call.metadata.indexOf("authorization");
          if (token !== undefined && call.metadata[at + 1] !== `Bearer ${token}`) {
            throw fault({ reason: "TOKEN_INVALID", code: "UNAUTHENTICATED" }, "Expected the token of the test.");
          }
          return next(request, call);
        },
      ],
    },
  );
  return {
    implementation,
    asked,
    forget: () => instances.clear(),
    live: () => [...instances.values()].filter(({ untilMs }) => untilMs > clock.monotonicMs()).map(({ instance }) => instance),
  };
}

/** A registry on a port; `await using` closes it. */
export interface ServedRegistry extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
}

/** The registry on a port; `port` 0 for any. */
export async function serveRegistry(registry: MemoryRegistry, port = 0): Promise<ServedRegistry> {
  const server = createServer(createRpcHandler([registry.implementation]));
  const address = await server.listen({ port });
  return { server, port: address.port, url: `http://127.0.0.1:${address.port}`, [Symbol.asyncDispose]: () => server.close() };
}
