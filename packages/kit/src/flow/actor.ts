import { Call } from "../call.ts";
import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { MailboxOptions } from "./mailbox.ts";

/** What a handler sees beside its state and its message. */
export interface ActorContext {
  /** Aborts when this incarnation of the actor ends: it is stopped, or its handler took too long. */
  readonly signal: AbortSignal;
  /** Of an `ask`: its deadline is what is left of the caller's. Of a `tell`: a call without a deadline. */
  readonly call: Call;
  /** 1 for the first incarnation; each restart counts one up. */
  readonly incarnation: number;
  readonly log: Logger;
}

/** What an actor does, by the names of its messages: `(state, payload, context) => answer`, one at a time, in order. */
export type ActorHandlers<State> = Readonly<Record<string, (state: State, payload: never, context: ActorContext) => unknown>>;

/** Nothing when a handler takes no payload, else the payload. */
export type PayloadOf<Handler> = Handler extends (...given: infer Given) => unknown
  ? Given extends [unknown, infer Payload, ...unknown[]]
    ? [payload: Payload]
    : []
  : never;

/** What a handler answers, once it has settled. */
export type AnswerOf<Handler> = Handler extends (...given: never[]) => infer Answer ? Awaited<Answer> : never;

/** What becomes of an actor whose handler failed. */
export type FailureDecision = "restart" | "resume" | "stop" | "escalate";

/** How an actor is made. */
export interface ActorOptions<State, Handlers extends ActorHandlers<State>> {
  /** For logs, metrics and dead letters. */
  readonly name: string;
  /** Makes the private state, at the start and at each restart. Nobody else can reach it. */
  readonly state: () => State | Promise<State>;
  readonly handlers: Handlers;
  readonly mailbox?: MailboxOptions;
  /** How often a message is given to a handler before it becomes a dead letter (ACTOR_FAILED). Default 1. */
  readonly triesMax?: number;
  /** Time for one message; after it the incarnation is given up as failed. Default Infinity. */
  readonly handlerTimeoutMs?: number;
  /** Default "restart" for everything. "resume" keeps the state. */
  readonly onFailure?: (thrown: unknown) => FailureDecision;
  /** Runs when an incarnation ends, with its state: closes what the state holds. Not after a handler that took too long. */
  readonly release?: (state: State) => void | Promise<void>;
}

/** Where an actor stands. */
export type ActorState = "running" | "restarting" | "stopped";

/** A running actor, seen from outside: its state is reached by messages only. */
export interface Actor<Handlers> {
  readonly name: string;
  readonly state: ActorState;
  /** Messages that wait. */
  readonly waiting: number;
  /** Restarts so far. */
  readonly restarts: number;
  /** Resolves once the message is in the mailbox. Rejects with MAILBOX_FULL or ACTOR_STOPPED. */
  tell<Name extends keyof Handlers & string>(message: Name, ...payload: PayloadOf<Handlers[Name]>): Promise<void>;
  /**
   * Sends and waits for the answer, until the call's deadline: a message whose call has ended is not begun. Rejects with the call's
   * Fault, with what the handler threw when that is a Fault, else with ACTOR_FAILED, MAILBOX_FULL or ACTOR_STOPPED.
   */
  ask<Name extends keyof Handlers & string>(
    call: Call,
    message: Name,
    ...payload: PayloadOf<Handlers[Name]>
  ): Promise<AnswerOf<Handlers[Name]>>;
  /** Takes no more messages, handles those that wait, releases the state. Refuses what is left after `timeoutMs` (default 10,000). */
  stop(timeoutMs?: number): Promise<void>;
}

/** The call of a message that nobody waits for. */
export function tellCall(clock: Clock, name: string): Call {
  return new Call({ clock, method: name });
}
