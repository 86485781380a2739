import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../contract/grpc/health/v1/health.weir.ts";
import type { HealthCheckResponse } from "../../../contract/grpc/health/v1/health.weir.ts";
import type { Call } from "../../../call.ts";
import { fault } from "../../../fault.ts";
import { kitReasons } from "../../../reasons.ts";
import type { Implementation, ImplementOptions } from "../../implement.ts";
import { implement } from "../../implement.ts";

/** What a service is: taking calls, or not. */
export type Health = "SERVING" | "NOT_SERVING";

/** The health of a server and of each of its services. */
export interface HealthState {
  /** To serve as grpc.health.v1.Health. */
  readonly implementation: Implementation;
  /** Sets one service; "" is the server as a whole. A service that was not named before is added. */
  set(service: string, health: Health): void;
  /** Sets the server and all services that are known. */
  setAll(health: Health): void;
  /** Everything is NOT_SERVING from here on, and those who watch are told so and let go, so that nothing keeps a drain. */
  close(): void;
}

/** What `List` answers at most, as in other servers. */
const listMax = 100;

interface Watcher {
  readonly service: string;
  tell(): void;
}

/**
 * Health of gRPC: `Check` (NOT_FOUND, SERVICE_UNKNOWN as reason, for a service that it does not know), `List` (at most 100)
 * and `Watch`, which tells the newest state and skips those that a slow reader missed. All services begin as NOT_SERVING.
 * Source: grpc/grpc doc/health-checking.md, proposal A90.
 */
export function createHealth(services: readonly string[], options?: ImplementOptions): HealthState {
  const states = new Map<string, Health>(["", ...services].map((service) => [service, "NOT_SERVING"]));
  const watchers = new Set<Watcher>();
  let closed = false;
  const set = (service: string, health: Health): void => {
    if (closed || states.get(service) === health) return;
    states.set(service, health);
    for (const watcher of watchers) if (watcher.service === service) watcher.tell();
  };
  const setAll = (health: Health): void => {
    for (const service of states.keys()) set(service, health);
  };
  const answer = (health: Health): HealthCheckResponse => ({ status: Status[health] });
  const implementation = implement(
    Health,
    {
      async check({ service }) {
        const health = states.get(service);
        if (health === undefined) throw fault(kitReasons.SERVICE_UNKNOWN, `Expected a service of this server, found ${named(service)}.`);
        return answer(health);
      },
      async list() {
        if (states.size > listMax) throw fault(kitReasons.SERVICES_TOO_MANY, `Expected at most ${listMax} services, found ${states.size}.`);
        const statuses: Record<string, HealthCheckResponse> = {};
        for (const [service, health] of states) statuses[service] = answer(health);
        return { statuses };
      },
      async *watch({ service }, call) {
        let told: number | undefined;
        const bell = createBell(call);
        const watcher: Watcher = { service, tell: bell.ring };
        watchers.add(watcher);
        try {
          for (;;) {
            const health = states.get(service);
            const status = health === undefined ? Status.SERVICE_UNKNOWN : Status[health];
            if (status !== told) yield { status };
            told = status;
            if (closed) throw fault(kitReasons.APP_NOT_SERVING, "Expected this app to be SERVING, found that it stops.");
            await bell.rung();
          }
        } finally {
          watchers.delete(watcher);
          bell.silence();
        }
      },
    },
    options,
  );
  const close = (): void => {
    setAll("NOT_SERVING");
    closed = true;
    for (const watcher of watchers) watcher.tell();
  };
  return { implementation, set, setAll, close };
}

function named(service: string): string {
  return JSON.stringify(service.slice(0, 200));
}

/** Wakes whoever waits; a ring that nobody waits for is kept for the next. The end of the call rings too, with its Fault. */
function createBell(call: Call): { ring(): void; rung(): Promise<void>; silence(): void } {
  let waiting: PromiseWithResolvers<void> | undefined;
  let kept = false;
  const ring = (): void => {
    kept = true;
    waiting?.resolve();
  };
  call.onEnd(ring);
  return {
    ring,
    async rung() {
      if (!kept) {
        waiting = Promise.withResolvers();
        await waiting.promise;
      }
      kept = false;
      if (call.ended !== undefined) throw call.ended;
    },
    silence: () => call.offEnd(ring),
  };
}
