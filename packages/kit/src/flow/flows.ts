import type { AdminPages } from "../app/admin-pages.ts";
import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Channel, ChannelOptions } from "./channel.ts";
import { createChannel } from "./channel.ts";
import type { SupervisionOptions, Supervisor } from "./supervisor.ts";
import { createSupervisor } from "./supervisor.ts";

/** What the channels and actors of a process share; an app is one. */
export interface FlowsOptions {
  readonly metrics: Metrics;
  readonly admin: Pick<AdminPages, "add">;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** Makes channels and trees of actors that are seen from outside. */
export interface Flows {
  /** As `createChannel`, under a name; once it is closed and empty it is no longer shown. */
  channel<T>(options: ChannelOptions & { readonly name: string }): Channel<T>;
  /** As `createSupervisor`. */
  supervisor(options: Omit<SupervisionOptions, "metrics">): Supervisor;
}

/**
 * Channels and actors of an app: counted on its `/metrics`, and shown on `/flow` of its admin port, with the newest dead letters (their
 * payloads excepted). Throws ADMIN_PAGE_TAKEN when the app has them already.
 */
export function createFlows({ metrics, admin, clock, log }: FlowsOptions): Flows {
  const channels = new Map<Channel<unknown>, string>();
  const roots = new Set<Supervisor>();
  const gauge = (name: string, help: string) => metrics.gauge({ name, help, labels: ["channel"] });
  const waiting = gauge("weir_channel_waiting", "Values in a channel.");
  const senders = gauge("weir_channel_senders_waiting", "Senders that wait for room in a channel.");
  const forgetOver = (): void => {
    for (const [channel, name] of channels) {
      if (!channel.closed || channel.size > 0) continue;
      channels.delete(channel);
      waiting.remove(name);
      senders.remove(name);
    }
  };
  metrics.beforeText(() => {
    forgetOver();
    for (const [channel, name] of channels) {
      waiting.labels(name).set(channel.size);
      senders.labels(name).set(channel.sendersWaiting);
    }
  });
  admin.add("/flow", {
    show() {
      forgetOver();
      for (const root of roots) if (root.status.state === "stopping" && root.status.children.length === 0) roots.delete(root);
      const shown = [...channels].map(([{ size, capacity, sendersWaiting }, name]) => ({ name, waiting: size, capacity, sendersWaiting }));
      return { channels: shown, supervisors: [...roots].map(shownTree) };
    },
  });
  return {
    channel(options) {
      const channel = createChannel<never>(options);
      channels.set(channel as Channel<unknown>, options.name);
      return channel as Channel<never>;
    },
    supervisor(options) {
      const root = createSupervisor({ ...(clock && { clock }), ...(log && { log }), ...options, metrics });
      roots.add(root);
      return root;
    },
  };
}

function shownTree({ status, deadLetters }: Supervisor): object {
  const newest = deadLetters.newest(20).map(({ actor, message, fault, atMs }) => ({ actor, message, reason: fault.reason, atMs }));
  return { ...status, deadLetters: { counts: Object.fromEntries(deadLetters.counts), newest } };
}
