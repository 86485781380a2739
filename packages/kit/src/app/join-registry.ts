import type { ListenAddress } from "@weir/wire";
import { hostname } from "node:os";
import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import { createClient } from "../rpc/client.ts";
import { createWireTransport } from "../rpc/node/transport.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { AppOptions } from "./app-options.ts";
import { runDaemons } from "./daemons.ts";
import { createRegistration } from "./registration.ts";
import { Instance, Registry } from "./registry.weir.ts";

/** What is known of a running app beside its options. */
export interface RegistryMember {
  readonly instanceId: string;
  readonly address: ListenAddress;
  readonly adminAddress: ListenAddress;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * Registers with the control plane of the options and keeps it so. Answers what takes the instance out again (bounded,
 * never rejects); undefined when the options name no control plane.
 */
export function joinRegistry(options: AppOptions, member: RegistryMember): (() => Promise<void>) | undefined {
  const { control } = options;
  if (!control) return undefined;
  const { clock, log } = member;
  const deregisterMsMax = options.timeouts?.deregisterMsMax ?? 2000;
  const transport = createWireTransport({
    url: control.url,
    metadata: control.token === undefined ? [] : ["authorization", `Bearer ${control.token}`],
  });
  const gauge = member.metrics.gauge({ name: "weir_app_registered", help: "1 while the registry knows this instance." });
  const daemon = createRegistration({
    instance: instanceFrom(options, member, control.advertisedHost),
    registry: createClient(Registry, transport),
    deregisterMsMax: deregisterMsMax / 2,
    onChange: (known) => gauge.set(known ? 1 : 0),
    clock,
    log,
  });
  const stop = new AbortController();
  const daemons = [{ name: "registration", daemon, restart: true }];
  const ended = runDaemons(daemons, { signal: stop.signal, stopMsMax: deregisterMsMax, clock, log })
    .catch((error: unknown) => log.warn("leaving the registry took too long", { error }))
    .then(() => transport.close());
  return () => {
    stop.abort();
    return ended;
  };
}

/** "127.0.0.1:8080", "[::1]:8080". */
export function addressText({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function instanceFrom(options: AppOptions, member: RegistryMember, advertisedHost: string | undefined): Instance {
  const host = advertisedHost ?? reachableHost(member.address.host);
  return Instance.create({
    id: member.instanceId,
    service: options.name,
    version: options.version ?? "dev",
    address: addressText({ host, port: member.address.port }),
    adminAddress: addressText({ host, port: member.adminAddress.port }),
    contracts: options.services.map((service) => service.descriptor.typeName),
    startedAtMs: BigInt(Math.floor(member.clock.nowMs())),
    http2: true,
  });
}

/** What listens everywhere can be reached by the name of the machine. */
function reachableHost(host: string): string {
  return host === "0.0.0.0" || host === "::" ? hostname() : host;
}
