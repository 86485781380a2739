import type { MessageType } from "../contract/contract.ts";
import { fault } from "../fault.ts";
import { eventReasons } from "./reasons.ts";

/** A kind of event: a protobuf message with a name, a version and a key. */
export interface EventType<M> {
  /** "order.placed". */
  readonly name: string;
  /** Counts up when a change would break who reads it; new fields do not. */
  readonly version: number;
  /** What it is called where it is carried: "order.placed.v1". */
  readonly typeName: string;
  /** Events of one topic with the same key stay in order. */
  readonly topic: string;
  readonly message: MessageType<M>;
  /** What the event is about, "order-17": 1 to 200 characters. */
  key(message: M): string;
}

/** How a kind of event is defined. */
export interface EventOptions<M> {
  /** Words of a-z, 0-9 and _ with dots between: "order.placed". */
  readonly name: string;
  /** Default 1. */
  readonly version?: number;
  /** Several kinds may share one, so that they stay in order with each other. Named as events are. Default the name. */
  readonly topic?: string;
  readonly message: MessageType<M>;
  readonly key: (message: M) => string;
}

const nameForm = /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*$/;
const nameCharactersMax = 100;

/**
 * Defines a kind of event. Throws EVENT_OPTION_INVALID.
 * @example const orderPlaced = defineEvent({ name: "order.placed", message: OrderPlaced, key: (order) => order.orderId });
 */
export function defineEvent<M>(options: EventOptions<M>): EventType<M> {
  const { name, version = 1, topic = name, message, key } = options;
  expectName("name", name);
  expectName("topic", topic);
  if (!Number.isInteger(version) || version < 1)
    throw fault(eventReasons.EVENT_OPTION_INVALID, `Expected a version from 1, found ${version}.`);
  return { name, version, typeName: `${name}.v${version}`, topic, message, key };
}

/** Throws EVENT_OPTION_INVALID unless it is a name as events, topics and groups have them. */
export function expectName(what: string, found: string): void {
  if (nameForm.test(found) && found.length <= nameCharactersMax) return;
  const expected = `a ${what} of words of a-z, 0-9 and _ with dots between, ${nameCharactersMax} characters at most`;
  throw fault(eventReasons.EVENT_OPTION_INVALID, `Expected ${expected}, found ${JSON.stringify(found.slice(0, 200))}.`);
}
