import type { Logger } from "../call.ts";
import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { fault } from "../fault.ts";
import type { Daemon } from "../service.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Actor, ActorHandlers, ActorOptions, FailureDecision } from "./actor.ts";
import { ActorCell, type Cell, type CellOwner } from "./actor-cell.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { createDeadLetters } from "./dead-letters.ts";
import type { FlowMetrics, SupervisorStatus } from "./flow-metrics.ts";
import { createFlowMetrics } from "./flow-metrics.ts";
import { flowReasons } from "./reasons.ts";

/** Who begins anew when one child fails: that one, all, or that one and those started after it. */
export type SupervisionStrategy = "one_for_one" | "one_for_all" | "rest_for_one";

/** How a supervisor deals with failures. */
export interface SupervisorOptions {
  readonly name: string;
  /** Default "one_for_one". */
  readonly strategy?: SupervisionStrategy;
  /** Failures that lead to a restart, at most this many within `withinMs`; one more and the supervisor itself fails. Default 5. */
  readonly restartsMax?: number;
  /** Default 10,000. */
  readonly withinMs?: number;
  /** A restart waits this long, doubled for each within `withinMs`, half to one and a half of it by chance. Default 10. */
  readonly backoffMsMin?: number;
  /** Default 10,000. */
  readonly backoffMsMax?: number;
  /** What the supervisor above shall do when this one fails. Default "restart": all its children begin anew. */
  readonly onFailure?: (thrown: unknown) => FailureDecision;
}

/** What a tree of supervisors shares. */
export interface SupervisionOptions extends SupervisorOptions {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly deadLetters?: DeadLetters;
  /** Where the messages, mailboxes, restarts and dead letters of the tree are counted. Default nowhere. */
  readonly metrics?: Metrics;
}

/** Looks after actors and supervisors that it has started. */
export interface Supervisor {
  readonly name: string;
  readonly deadLetters: DeadLetters;
  /** Starts an actor. Throws ACTOR_STOPPED when the supervisor has stopped. */
  actor<State, Handlers extends ActorHandlers<State>>(options: ActorOptions<State, Handlers & ActorHandlers<State>>): Actor<Handlers>;
  /** Starts a supervisor below this one; it shares clock, log and dead letters. */
  supervisor(options: SupervisorOptions): Supervisor;
  /** Stops the children, the last started first, each within `timeoutMs` (default 10,000). */
  stop(timeoutMs?: number): Promise<void>;
  /**
   * For an app's list of Daemons: stops when the signal aborts. Rejects with SUPERVISOR_GAVE_UP, its cause the last failure, when
   * there were too many at the root of the tree.
   */
  readonly run: Daemon;
  /** The tree below it, as it is now. */
  readonly status: SupervisorStatus;
}

/** The root of a tree of supervisors. */
export function createSupervisor(options: SupervisionOptions): Supervisor {
  const { clock = systemClock, log = new Call().log } = options;
  const deadLetters = options.deadLetters ?? createDeadLetters({ clock });
  const metrics = options.metrics && createFlowMetrics(options.metrics);
  const root = new SupervisorCell(options, { clock, log, deadLetters, metrics, parent: undefined });
  metrics?.watch(root);
  return root;
}

interface Shared {
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  readonly metrics: FlowMetrics | undefined;
  readonly parent: SupervisorCell | undefined;
}

class SupervisorCell implements Supervisor, Cell, CellOwner {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  readonly metrics: FlowMetrics | undefined;
  readonly #options: SupervisorOptions;
  readonly #parent: SupervisorCell | undefined;
  readonly #children: Cell[] = [];
  /** When there were restarts, on the monotonic clock. */
  #restartsMs: number[] = [];
  /** Waits for what the supervisor above decides. */
  #failing: Cell | undefined;
  #stopping: Promise<void> | undefined;
  readonly #ended = Promise.withResolvers<void>();

  constructor(options: SupervisorOptions, shared: Shared) {
    this.name = options.name;
    this.clock = shared.clock;
    this.log = shared.log;
    this.deadLetters = shared.deadLetters;
    this.metrics = shared.metrics;
    this.#options = options;
    this.#parent = shared.parent;
    // Whoever does not run it as a Daemon does not hear of its end.
    this.#ended.promise.catch(() => undefined);
  }

  get onFailure(): Cell["onFailure"] {
    return this.#options.onFailure;
  }

  get status(): SupervisorStatus {
    const { strategy = "one_for_one" } = this.#options;
    const state = this.#stopping ? "stopping" : "running";
    return { kind: "supervisor", name: this.name, state, strategy, children: this.#children.map(({ status }) => status) };
  }

  get run(): Daemon {
    return async (signal) => {
      const onAbort = (): void => void this.stop();
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        await this.#ended.promise;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    };
  }

  actor<State, Handlers extends ActorHandlers<State>>(options: ActorOptions<State, Handlers>): Actor<Handlers> {
    this.#expectRunning();
    const cell = new ActorCell(options, this);
    this.#children.push(cell);
    return cell;
  }

  supervisor(options: SupervisorOptions): Supervisor {
    this.#expectRunning();
    const { clock, log, deadLetters, metrics } = this;
    const child = new SupervisorCell(options, { clock, log, deadLetters, metrics, parent: this });
    this.#children.push(child);
    return child;
  }

  failed(child: Cell, thrown: unknown): void {
    if (this.#stopping) {
      // What waits is still to be handled, for as long as the stopping may take.
      child.restart(this.#delayMs());
      return;
    }
    const decision = child.onFailure?.(thrown) ?? "restart";
    this.log.warn("an actor or a supervisor failed", { supervisor: this.name, child: child.name, decision, cause: String(thrown) });
    if (decision === "resume") child.resume();
    else if (decision === "stop") void child.stop(0);
    else if (decision === "escalate") this.#escalate(child, thrown);
    else this.#restart(child, thrown);
  }

  stopped(child: Cell): void {
    const at = this.#children.indexOf(child);
    if (at !== -1) this.#children.splice(at, 1);
  }

  restart(delayMs: number): void {
    this.#failing = undefined;
    this.#restartsMs = [];
    for (const child of this.#children) child.restart(delayMs);
  }

  resume(): void {
    const failing = this.#failing;
    this.#failing = undefined;
    failing?.resume();
  }

  stop(timeoutMs: number = 10_000): Promise<void> {
    this.#stopping ??= this.#stop(timeoutMs, undefined);
    return this.#stopping;
  }

  async #stop(timeoutMs: number, failure: Error | undefined): Promise<void> {
    for (const child of this.#children.toReversed()) await child.stop(timeoutMs);
    this.#parent?.stopped(this);
    if (failure) this.#ended.reject(failure);
    else this.#ended.resolve();
  }

  #restart(child: Cell, thrown: unknown): void {
    const { restartsMax = 5, withinMs = 10_000, strategy = "one_for_one" } = this.#options;
    const nowMs = this.clock.monotonicMs();
    this.#restartsMs = this.#restartsMs.filter((atMs) => nowMs - atMs < withinMs);
    if (this.#restartsMs.length >= restartsMax) {
      this.#escalate(child, thrown);
      return;
    }
    this.#restartsMs.push(nowMs);
    const at = this.#children.indexOf(child);
    const affected = strategy === "one_for_one" ? [child] : this.#children.slice(strategy === "one_for_all" ? 0 : at);
    const delayMs = this.#delayMs();
    for (const one of affected) one.restart(delayMs);
  }

  #delayMs(): number {
    const { backoffMsMin = 10, backoffMsMax = 10_000 } = this.#options;
    const doubledMs = backoffMsMin * 2 ** (this.#restartsMs.length - 1);
    return Math.min(backoffMsMax, doubledMs * (0.5 + this.clock.random()));
  }

  #escalate(child: Cell, thrown: unknown): void {
    this.#failing = child;
    if (this.#parent) {
      this.#parent.failed(this, thrown);
      return;
    }
    const failure = fault(flowReasons.SUPERVISOR_GAVE_UP, `${this.name} gave up: ${child.name} failed too often.`, { cause: thrown });
    this.log.error(failure.message, { supervisor: this.name, child: child.name, cause: String(thrown) });
    this.#stopping ??= this.#stop(0, failure);
  }

  #expectRunning(): void {
    if (this.#stopping) throw fault(flowReasons.ACTOR_STOPPED, `Expected ${this.name} to run, found it stopped.`);
  }
}
