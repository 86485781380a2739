import type { TraceContext } from "../call.ts";
import type { Clock } from "../clock.ts";
import { fault } from "../fault.ts";
import { traceparentFrom } from "../telemetry/trace-context.ts";
import type { EventType } from "./event.ts";
import { eventReasons } from "./reasons.ts";

/** An event as it is kept and carried. Its fields are the attributes of CloudEvents 1.0. */
export interface EventRecord {
  /** One for each event that happened, however often it is sent. A UUID, rising with time (RFC 9562 §5.7). */
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  /** "order.placed.v1". */
  readonly type: string;
  /** The service that it happened in. */
  readonly source: string;
  readonly timeMs: number;
  /** W3C trace context of what caused it; "" when there is none. */
  readonly traceparent: string;
  /** The message, in protobuf's binary form. */
  readonly data: Uint8Array;
}

/** What an event is written with. */
export interface RecordOptions {
  readonly source: string;
  readonly clock: Clock;
  /** Default none. */
  readonly trace?: TraceContext | undefined;
  /** Default 1 MiB. */
  readonly bytesMax?: number;
}

const keyCharactersMax = 200;
const noTraceId = "0".repeat(32);

/** An event from its message. Throws EVENT_INVALID, and MESSAGE_INVALID for a message that is none. */
export function eventRecord<M>(event: EventType<M>, message: M, options: RecordOptions): EventRecord {
  const { source, clock, trace, bytesMax = 1024 * 1024 } = options;
  const key = event.key(message);
  if (key === "" || key.length > keyCharactersMax)
    throw fault(
      eventReasons.EVENT_INVALID,
      `Expected a key of ${event.typeName} of 1 to ${keyCharactersMax} characters, found ${key.length}.`,
    );
  const bytes = event.message.toBinary(message);
  if (bytes.length > bytesMax)
    throw fault(eventReasons.EVENT_INVALID, `Expected at most ${bytesMax} bytes of ${event.typeName}, found ${bytes.length}.`);
  return {
    id: createEventId(clock),
    topic: event.topic,
    key,
    type: event.typeName,
    source,
    timeMs: clock.nowMs(),
    traceparent: trace === undefined || trace.traceId === noTraceId || trace.traceId === "" ? "" : traceparentFrom(trace),
    // The codec's bytes are a view of memory that it uses again.
    data: bytes.slice(),
  };
}

/** The message of an event. Throws EVENT_UNREADABLE. */
export function messageOf<M>(event: EventType<M>, record: EventRecord): M {
  try {
    return event.message.fromBinary(record.data);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw fault(eventReasons.EVENT_UNREADABLE, `Expected a ${event.message.typeName} in ${record.type} ${record.id}, found: ${found}`, {
      cause: error,
    });
  }
}

/** A UUID of version 7 (RFC 9562 §5.7) from the clock's time and chance. */
export function createEventId(clock: Clock): string {
  const time = Math.floor(clock.nowMs()).toString(16).padStart(12, "0").slice(-12);
  const digits = (count: number): string =>
    Math.floor(clock.random() * 16 ** count)
      .toString(16)
      .padStart(count, "0");
  const variant = (8 + Math.floor(clock.random() * 4)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${digits(3)}-${variant}${digits(3)}-${digits(12)}`;
}
