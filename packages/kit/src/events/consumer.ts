import type { Transaction } from "kysely";
import type { Logger } from "../call.ts";
import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { fault } from "../fault.ts";
import type { Daemon } from "../service.ts";
import type { Database } from "../store/database.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { childSpan, traceFromTraceparent } from "../telemetry/trace-context.ts";
import type { CarriedEvent, Carrier } from "./carrier.ts";
import { createConsumerCounts } from "./consumer-metrics.ts";
import type { ConsumerTables } from "./consumer-tables.ts";
import { deadLettersChannel } from "./consumer-tables.ts";
import { DeadLetters } from "./dead-letters.ts";
import { messageOf } from "./event-record.ts";
import type { EventType } from "./event.ts";
import { expectName } from "./event.ts";
import { createInbox } from "./inbox.ts";
import { PartitionReader } from "./partition-reader.ts";
import { eventReasons } from "./reasons.ts";
import { Slots } from "./slots.ts";

/** How a service consumes events. */
export interface ConsumerOptions<T extends ConsumerTables> {
  /** Each group gets each event: "mailer". All processes of one service are one group. */
  readonly group: string;
  readonly carrier: Carrier;
  /** The service's own, brought up to date by `consumerMigrations`: for effects that happen once, and events that cannot be handled. */
  readonly database: Database<T>;
  /** Where a new group begins. Default "earliest". */
  readonly from?: "earliest" | "latest";
  /** Keys that are worked on at a time, in one process. Default 16. */
  readonly keysMax?: number;
  /** Longest an event may be worked on at a time. Default 30,000. */
  readonly handlerMsMax?: number;
  /** How often an event is tried before it is parked. Default 5. */
  readonly attemptsMax?: number;
  readonly metrics?: Metrics;
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** Works on one event; `call` has its deadline and trace, `event` its id to hand on as an idempotency key. May run more than once. */
export type EventHandler<M> = (message: M, call: Call, event: CarriedEvent) => Promise<void>;

/** What one event does to the service's own data, in a transaction that happens once for each event. Does nothing but query. */
export type EventEffect<M, T> = (transaction: Transaction<T>, message: M, event: CarriedEvent) => Promise<void>;

/** Reads events as a group. Handlers are added before it runs. */
export interface Consumer<T extends ConsumerTables> {
  /** At least once: for what happens outside the service's database. */
  on<M>(event: EventType<M>, handler: EventHandler<M>): Consumer<T>;
  /** Exactly once: in the service's database, together with the note that it happened. */
  apply<M>(event: EventType<M>, effect: EventEffect<M, T>): Consumer<T>;
  /** Reads until the signal aborts: what is being worked on is finished, what comes after it is left to others. */
  readonly run: Daemon;
  readonly deadLetters: DeadLetters;
}

/** Handles one event; rejects with why it could not. */
export type EventWork = (event: CarriedEvent, signal: AbortSignal) => Promise<void>;

/**
 * A consumer: events of one key in order, those of different keys beside each other. An event that fails is tried again with growing
 * pauses while others go on, and then parked, with all later ones of its key behind it. Throws EVENT_OPTION_INVALID.
 * @example await createConsumer({ group: "mailer", carrier, database }).on(orderPlaced, (order) => send(order)).run(signal);
 */
export function createConsumer<T extends ConsumerTables>(options: ConsumerOptions<T>): Consumer<T> {
  const { group, carrier, database, from, keysMax = 16, handlerMsMax = 30_000, attemptsMax = 5 } = options;
  const { clock = systemClock, log = new Call().log, metrics } = options;
  expectName("group", group);
  const inbox = createInbox(database, clock);
  const deadLetters = new DeadLetters(database as unknown as Database<ConsumerTables>, clock);
  const works = new Map<string, EventWork>();
  const topics = new Set<string>();

  function add<M>(event: EventType<M>, work: EventWork): void {
    if (works.has(event.typeName)) throw fault(eventReasons.EVENT_OPTION_INVALID, `Expected one handler of ${event.typeName}, found two.`);
    works.set(event.typeName, work);
    topics.add(event.topic);
  }

  const consumer: Consumer<T> = {
    deadLetters,
    on(event, handler) {
      add(event, (carried, signal) => handled(event, handler, { carried, signal, clock, log, timeoutMs: handlerMsMax }));
      return consumer;
    },
    apply(event, effect) {
      add(event, async (carried) => {
        const message = messageOf(event, carried);
        await database.transaction(async (transaction) => {
          await inbox.once(transaction, { group, id: carried.id }, () => effect(transaction, message, carried));
        });
      });
      return consumer;
    },
    async run(signal) {
      if (topics.size === 0) throw fault(eventReasons.EVENT_OPTION_INVALID, `Expected a handler of ${group}, found none.`);
      const slots = new Slots(keysMax);
      const counts = createConsumerCounts({ group, topics: [...topics], carrier, metrics, clock });
      const stopCounting = counts.start(signal);
      const read = { group, topics: [...topics], signal, ...(from && { from }) };
      try {
        await carrier.read({
          ...read,
          read: async (partition, ended) => {
            const reader = new PartitionReader(partition, { group, works, deadLetters, attemptsMax, slots, counts, clock, log });
            const stopWatching = database.watch(deadLettersChannel, () => reader.lookForReplays());
            try {
              await reader.run(ended);
            } finally {
              stopWatching();
            }
          },
        });
      } finally {
        stopCounting();
      }
    },
  };
  return consumer;
}

interface Handling {
  readonly carried: CarriedEvent;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timeoutMs: number;
}

/** Runs a handler under a call of its own, in the trace of what caused the event. */
async function handled<M>(event: EventType<M>, handler: EventHandler<M>, handling: Handling): Promise<void> {
  const { carried, signal, clock, log, timeoutMs } = handling;
  const message = messageOf(event, carried);
  const trace = traceFromTraceparent(carried.traceparent);
  const call = new Call({ method: `consume ${carried.type}`, clock, timeoutMs, log, ...(trace && { trace: childSpan(trace, clock) }) });
  const stop = (): void => call.cancel();
  signal.addEventListener("abort", stop, { once: true });
  const late = Promise.withResolvers<never>();
  // A handler that does not heed its deadline is left behind: its event is tried again, or parked.
  call.onEnd(late.reject);
  try {
    await Promise.race([handler(message, call, carried), late.promise]);
  } finally {
    call.offEnd(late.reject);
    signal.removeEventListener("abort", stop);
    call.finish();
  }
}
