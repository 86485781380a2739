import type { Clock } from "../clock.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Carrier } from "./carrier.ts";

/** What became of an event, or of one attempt at it. */
export type EventOutcome = "handled" | "retried" | "parked" | "replayed";

/** Where a consumer counts. */
export interface ConsumerCounts {
  count(topic: string, outcome: EventOutcome): void;
  /** Asks how far behind the group is, again and again, until the signal aborts or the answer is called. */
  start(signal: AbortSignal): () => void;
}

const lagMs = 5000;

/** Counts events and shows lag; counts nothing without metrics. */
export function createConsumerCounts(options: {
  readonly group: string;
  readonly topics: readonly string[];
  readonly carrier: Carrier;
  readonly metrics: Metrics | undefined;
  readonly clock: Clock;
}): ConsumerCounts {
  const { group, topics, carrier, metrics, clock } = options;
  if (!metrics) return { count: () => undefined, start: () => () => undefined };
  const events = metrics.counter({
    name: "weir_events_total",
    help: "Events that a group handled, tried again, parked, or replayed.",
    labels: ["group", "topic", "outcome"],
  });
  const lag = metrics.gauge({ name: "weir_events_lag", help: "Events that a group has not committed.", labels: ["group", "topic"] });
  const oldest = metrics.gauge({
    name: "weir_events_lag_seconds",
    help: "Age of the oldest event that a group has not committed.",
    labels: ["group", "topic"],
  });
  return {
    count: (topic, outcome) => events.labels(group, topic, outcome).add(1),
    start(signal) {
      let stop: () => void = () => undefined;
      let isOver = false;
      const look = async (): Promise<void> => {
        const found = await carrier.lag(group, topics).catch(() => []);
        for (const one of found) {
          lag.labels(group, one.topic).set(one.events);
          oldest.labels(group, one.topic).set(one.oldestMs / 1000);
        }
        if (!isOver && !signal.aborted) stop = clock.after(lagMs, () => void look());
      };
      void look();
      return () => {
        isOver = true;
        stop();
      };
    },
  };
}
