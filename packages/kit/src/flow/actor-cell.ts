import type { Call, Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { fault, isFault } from "../fault.ts";
import type { Actor, ActorContext, ActorHandlers, ActorOptions, ActorState, FailureDecision } from "./actor.ts";
import { tellCall } from "./actor.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { ActorCounts, ActorStatus, FlowMetrics, SupervisorStatus } from "./flow-metrics.ts";
import { Mailbox, type Letter } from "./mailbox.ts";
import { flowReasons } from "./reasons.ts";

/** What a cell needs of its supervisor. */
export interface CellOwner {
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  readonly metrics: FlowMetrics | undefined;
  /** A handler or the making of the state failed; the cell waits until `restart`, `resume` or `end` is called. */
  failed(cell: Cell, thrown: unknown): void;
  stopped(cell: Cell): void;
}

/** A child as its supervisor sees it: an actor, or a supervisor below. */
export interface Cell {
  readonly name: string;
  /** Ends what it is doing and begins anew after `delayMs`; what waits is kept. */
  restart(delayMs: number): void;
  /** Goes on as if nothing had happened. */
  resume(): void;
  /** Ends for good. */
  stop(timeoutMs?: number): Promise<void>;
  readonly onFailure: ((thrown: unknown) => FailureDecision) | undefined;
  readonly status: ActorStatus | SupervisorStatus;
}

type Handler = (state: unknown, payload: unknown, context: ActorContext) => unknown;

/** One life of an actor, from making its state to its failure, restart or stop. */
interface Incarnation {
  readonly number: number;
  /** Aborts when it is to end; what is being handled is told, and waited for. */
  readonly ending: AbortController;
  /** Gives up what is being handled, without waiting for it. */
  cut: ((reason: Fault) => void) | undefined;
  state: { readonly value: unknown } | undefined;
}

/** Holds an actor's mailbox over all its incarnations, and gives its messages to the handlers one at a time. */
export class ActorCell<State, Handlers extends ActorHandlers<State>> implements Actor<Handlers>, Cell {
  readonly name: string;
  readonly #options: ActorOptions<State, Handlers>;
  readonly #owner: CellOwner;
  readonly #mailbox: Mailbox;
  readonly #counts: ActorCounts | undefined;
  #state: ActorState = "running";
  #incarnation: Incarnation;
  /** Being handled, or to be tried again. */
  #current: Letter | undefined;
  #onDecision: ((goesOn: boolean) => void) | undefined;
  /** Set while it is to begin anew. */
  #restartDelayMs: number | undefined;
  /** Aborts when there is no more time to stop in. */
  readonly #cutting = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: ActorOptions<State, Handlers>, owner: CellOwner) {
    this.name = options.name;
    this.#options = options;
    this.#owner = owner;
    this.#mailbox = new Mailbox(options.name, options.mailbox ?? {}, owner.deadLetters);
    this.#counts = owner.metrics?.ofActor(options.name);
    this.#incarnation = newIncarnation(1);
    this.#running = this.#run();
  }

  get state(): ActorState {
    return this.#state;
  }

  get waiting(): number {
    return this.#mailbox.size;
  }

  get restarts(): number {
    return this.#incarnation.number - 1;
  }

  get onFailure(): Cell["onFailure"] {
    return this.#options.onFailure;
  }

  get status(): ActorStatus {
    const { name, state, waiting, restarts } = this;
    return { kind: "actor", name, state, waiting, capacity: this.#mailbox.capacity, restarts };
  }

  tell(message: string, payload?: unknown): Promise<void> {
    return this.#mailbox.put({ message, payload, call: undefined, tries: 0, answered: nothing, refused: nothing });
  }

  ask<Answer>(call: Call, message: string, payload?: unknown): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      if (call.ended) return reject(call.ended);
      const release = (): void => call.offEnd(reject);
      call.onEnd(reject);
      const letter: Letter = {
        message,
        payload,
        call,
        tries: 0,
        answered: (answer) => (release(), resolve(answer as Answer)),
        refused: (reason) => (release(), reject(reason)),
      };
      // A letter that is not taken has been refused, or dropped, by the mailbox itself.
      this.#mailbox.put(letter).catch(nothing);
    });
  }

  restart(delayMs: number): void {
    if (this.#restartDelayMs !== undefined || this.#state === "stopped") return;
    this.#restartDelayMs = delayMs;
    this.#state = "restarting";
    this.#incarnation.ending.abort(stoppedFault(this.name));
  }

  resume(): void {
    this.#onDecision?.(true);
  }

  async stop(timeoutMs: number = 10_000): Promise<void> {
    this.#mailbox.close();
    const cut = (): void => {
      const { ending, cut: giveUp } = this.#incarnation;
      this.#cutting.abort(stoppedFault(this.name));
      ending.abort(stoppedFault(this.name));
      giveUp?.(stoppedFault(this.name));
    };
    const cancel = timeoutMs > 0 ? this.#owner.clock.after(timeoutMs, cut) : cut();
    await this.#running;
    cancel?.();
  }

  /** One incarnation after the other. Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#cutting;
    for (;;) {
      await this.#live(this.#incarnation);
      await this.#release(this.#incarnation);
      if (this.#restartDelayMs === undefined || signal.aborted) break;
      await this.#owner.clock.sleep(this.#restartDelayMs, signal).catch(nothing);
      if (signal.aborted) break;
      this.#restartDelayMs = undefined;
      this.#state = "running";
      this.#incarnation = newIncarnation(this.#incarnation.number + 1);
      this.#counts?.restarts.add();
    }
    this.#state = "stopped";
    this.#mailbox.close();
    if (this.#current) this.#mailbox.refuse(this.#current, stoppedFault(this.name));
    this.#current = undefined;
    this.#mailbox.empty();
    this.#owner.stopped(this);
  }

  /** Never rejects. */
  async #live(incarnation: Incarnation): Promise<void> {
    const { signal } = incarnation.ending;
    while (!signal.aborted) {
      try {
        incarnation.state ??= { value: await this.#options.state() };
        const letter = this.#current ?? (await this.#next(signal));
        if (letter === undefined) return;
        await this.#handle(letter, incarnation);
      } catch (thrown) {
        if (signal.aborted || !(await this.#decision(thrown, signal))) return;
      }
    }
  }

  /** The next letter whose sender still waits; undefined when the mailbox is closed and empty, or the incarnation has ended. */
  async #next(signal: AbortSignal): Promise<Letter | undefined> {
    for (;;) {
      let next;
      try {
        next = await this.#mailbox.take(signal);
      } catch {
        return undefined;
      }
      if (next.done) return undefined;
      const ended = next.value.call?.ended;
      if (!ended) return next.value;
      this.#mailbox.refuse(next.value, ended);
    }
  }

  async #handle(letter: Letter, incarnation: Incarnation): Promise<void> {
    const { log, clock } = this.#owner;
    const handler = (this.#options.handlers as Readonly<Record<string, unknown>>)[letter.message] as Handler;
    this.#current = letter;
    letter.tries += 1;
    const call = letter.call?.child() ?? tellCall(clock, this.name);
    const context: ActorContext = { signal: incarnation.ending.signal, call, incarnation: incarnation.number, log };
    try {
      const answer = await this.#withinTime(handler(incarnation.state?.value, letter.payload, context), incarnation);
      this.#current = undefined;
      this.#counts?.handled.add();
      letter.answered(answer);
    } catch (thrown) {
      this.#counts?.failed.add();
      if (letter.tries >= (this.#options.triesMax ?? 1)) {
        this.#current = undefined;
        this.#mailbox.refuse(letter, isFault(thrown) ? thrown : failedFault(this.name, letter, thrown));
      }
      throw thrown;
    } finally {
      incarnation.cut = undefined;
      call.finish();
    }
  }

  /** What a handler answers, unless it takes too long or is cut; nobody waits for it then. */
  #withinTime(answer: unknown, incarnation: Incarnation): unknown {
    if (!(answer instanceof Promise)) return answer;
    const timeoutMs = this.#options.handlerTimeoutMs ?? Infinity;
    return new Promise((resolve, reject) => {
      incarnation.cut = (reason) => {
        // The handler may still use the state: nobody may release it, and the next message gets a new one.
        incarnation.state = undefined;
        reject(reason);
      };
      const stop = timeoutMs === Infinity ? nothing : this.#owner.clock.after(timeoutMs, () => incarnation.cut?.(this.#tooLate(timeoutMs)));
      answer.then(resolve, reject).finally(stop);
    });
  }

  #tooLate(timeoutMs: number): Fault {
    return fault(flowReasons.HANDLER_TIMEOUT, `Expected ${this.name} to handle a message within ${timeoutMs} ms, it did not.`);
  }

  /** Tells the supervisor of a failure. True when it lets this incarnation go on. */
  #decision(thrown: unknown, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const onAbort = (): void => decided(false);
      const decided = (goesOn: boolean): void => {
        signal.removeEventListener("abort", onAbort);
        this.#onDecision = undefined;
        resolve(goesOn);
      };
      this.#onDecision = decided;
      signal.addEventListener("abort", onAbort, { once: true });
      this.#owner.failed(this, thrown);
    });
  }

  async #release(incarnation: Incarnation): Promise<void> {
    const { state } = incarnation;
    incarnation.state = undefined;
    if (!state) return;
    try {
      await this.#options.release?.(state.value as State);
    } catch (thrown) {
      this.#owner.log.error("an actor could not release its state", { actor: this.name, cause: String(thrown) });
    }
  }
}

function newIncarnation(number: number): Incarnation {
  return { number, ending: new AbortController(), cut: undefined, state: undefined };
}

function stoppedFault(name: string): Fault {
  return fault(flowReasons.ACTOR_STOPPED, `Expected ${name} to run, found it stopped.`);
}

function failedFault(name: string, letter: Letter, cause: unknown): Fault {
  return fault(flowReasons.ACTOR_FAILED, `${name} failed on "${letter.message}", tried ${letter.tries} times.`, { cause });
}

function nothing(): void {}
