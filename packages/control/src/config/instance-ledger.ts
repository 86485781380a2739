import type { ConfirmRequest, InstanceConfig } from "@weir/kit/config/configs";
import { Outcome } from "@weir/kit/config/configs";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import { controlReasons } from "../reasons.ts";

/** An instance that subscribes, and what it made of what it was given. */
interface Entry {
  readonly service: string;
  readonly instance: string;
  version: string;
  connections: number;
  /** What is in force there. */
  revision: bigint;
  stamp: string;
  confirmed: ConfirmRequest | undefined;
  confirmedAtMs: number;
  heardAtMs: number;
}

/** Who subscribes to settings. In memory: instances say it again when control comes back. */
export interface InstanceLedger {
  /** Errors: CONFIGS_TOO_MANY. Answers what is called when the subscription ends. */
  connect(subscriber: Subscriber): () => void;
  hear(service: string, instance: string): void;
  /** False when no such instance has subscribed. */
  confirm(confirmation: ConfirmRequest): boolean;
  /** The instances of a service, as of its newest change. */
  list(service: string, newest: { readonly revision: number; readonly stamp: string } | undefined): InstanceConfig[];
  /** Versions of which an instance is connected. */
  versions(service: string): ReadonlySet<string>;
  services(): string[];
}

/** Who connects, and what it holds. */
export interface Subscriber {
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly revision: bigint;
  readonly stamp: string;
}

const subscriptionsMax = 2000;
const awayMs = 15 * 60_000;
const awayMax = 1000;

/** A ledger in which nobody stands. */
export function createInstanceLedger(clock: Clock): InstanceLedger {
  const entries = new Map<string, Entry>();
  let connections = 0;
  const nameOf = ({ service, instance }: { service: string; instance: string }): string => `${service}\n${instance}`;
  const ofService = (service: string): Entry[] => [...entries.values()].filter((entry) => entry.service === service);

  /** The longest away first. */
  function forget(): void {
    const away = [...entries]
      .filter(([, entry]) => entry.connections === 0)
      .sort(([, left], [, right]) => left.heardAtMs - right.heardAtMs);
    const beforeMs = clock.nowMs() - awayMs;
    away.forEach(([name, { heardAtMs }], index) => {
      if (heardAtMs < beforeMs || index < away.length - awayMax) entries.delete(name);
    });
  }

  return {
    connect({ service, version, instance, revision, stamp }) {
      if (connections >= subscriptionsMax) {
        throw fault(controlReasons.CONFIGS_TOO_MANY, `Expected at most ${subscriptionsMax} subscriptions to settings, found as many.`);
      }
      forget();
      const known = entries.get(nameOf({ service, instance }));
      const entry = known ?? {
        service,
        instance,
        version,
        connections: 0,
        revision,
        stamp,
        confirmed: undefined,
        confirmedAtMs: 0,
        heardAtMs: 0,
      };
      Object.assign(entry, { version, revision, stamp, connections: entry.connections + 1, heardAtMs: clock.nowMs() });
      entries.set(nameOf({ service, instance }), entry);
      connections += 1;
      let isLeft = false;
      return () => {
        if (isLeft) return;
        isLeft = true;
        connections -= 1;
        entry.connections -= 1;
        entry.heardAtMs = clock.nowMs();
      };
    },
    hear(service, instance) {
      const entry = entries.get(nameOf({ service, instance }));
      if (entry) entry.heardAtMs = clock.nowMs();
    },
    confirm(confirmation) {
      const entry = entries.get(nameOf(confirmation));
      if (!entry) return false;
      Object.assign(entry, { confirmed: confirmation, confirmedAtMs: clock.nowMs(), heardAtMs: clock.nowMs() });
      const { revision, stamp } = confirmation;
      if (confirmation.problems.length === 0) Object.assign(entry, { revision, stamp });
      return true;
    },
    list: (service, newest) => ofService(service).map((entry) => viewOf(entry, newest)),
    versions: (service) => new Set(ofService(service).flatMap(({ connections: open, version }) => (open > 0 ? [version] : []))),
    services: () => [...new Set([...entries.values()].map(({ service }) => service))],
  };
}

function viewOf(entry: Entry, newest: { readonly revision: number; readonly stamp: string } | undefined): InstanceConfig {
  const { instance, version, confirmed } = entry;
  const said = confirmed && newest && confirmed.stamp === newest.stamp ? confirmed : undefined;
  const holds = newest === undefined || (entry.stamp === newest.stamp && entry.revision === BigInt(newest.revision));
  return {
    instance,
    version,
    connected: entry.connections > 0,
    revision: entry.revision,
    outcome: holds ? Outcome.APPLIED : said ? Outcome.REFUSED : Outcome.PENDING,
    problems: holds ? [] : (said?.problems ?? []),
    needsRestart: said?.needsRestart ?? [],
    shadowed: said?.shadowed ?? [],
    confirmedAtMs: BigInt(entry.confirmedAtMs),
    lastHeardAtMs: BigInt(entry.heardAtMs),
  };
}
