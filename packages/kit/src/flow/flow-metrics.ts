import type { Counter, Metrics } from "../telemetry/metrics.ts";
import type { ActorState } from "./actor.ts";
import type { DeadLetters } from "./dead-letters.ts";

/** An actor as operators see it. */
export interface ActorStatus {
  readonly kind: "actor";
  readonly name: string;
  readonly state: ActorState;
  /** Messages in its mailbox, and how many it may hold. */
  readonly waiting: number;
  readonly capacity: number;
  readonly restarts: number;
}

/** A supervisor as operators see it, with what it looks after. */
export interface SupervisorStatus {
  readonly kind: "supervisor";
  readonly name: string;
  readonly state: "running" | "stopping";
  readonly strategy: string;
  readonly children: readonly (ActorStatus | SupervisorStatus)[];
}

/** What one actor counts; those of one name count together. */
export interface ActorCounts {
  readonly handled: Counter;
  readonly failed: Counter;
  readonly restarts: Counter;
}

/** The root of a tree that is watched. */
interface Watched {
  readonly name: string;
  readonly status: SupervisorStatus;
  readonly deadLetters: DeadLetters;
}

/** The metrics of trees of actors. */
export interface FlowMetrics {
  ofActor(name: string): ActorCounts;
  /** Shows mailboxes and dead letters of a tree from now on. */
  watch(root: Watched): void;
}

/** Names of actors that are shown by themselves; those beyond are shown together. */
const namesMax = 500;

/** Families are shared by all trees of a process. */
export function createFlowMetrics(metrics: Metrics): FlowMetrics {
  const messages = metrics.counter({
    name: "weir_actor_messages_total",
    help: "Messages that actors were given, by whether they were handled or the handler failed.",
    labels: ["actor", "outcome"],
  });
  const restarts = metrics.counter({ name: "weir_actor_restarts_total", help: "Restarts of actors.", labels: ["actor"] });
  return {
    ofActor: (name) => ({
      handled: messages.labels(name, "handled"),
      failed: messages.labels(name, "failed"),
      restarts: restarts.labels(name),
    }),
    watch: (root) => watch(metrics, root),
  };
}

function watch(metrics: Metrics, root: Watched): void {
  const waiting = metrics.gauge({
    name: "weir_actor_waiting",
    help: "Messages in the mailboxes of actors, by the root of their tree.",
    labels: ["supervisor", "actor"],
  });
  const letters = metrics.counter({
    name: "weir_actor_dead_letters_total",
    help: "Messages that no actor has handled, by the root of the tree and the reason.",
    labels: ["supervisor", "reason"],
  });
  const counted = new Map<string, number>();
  let shown = new Set<string>();
  metrics.beforeText(() => {
    const sums = waitingByName(root.status);
    for (const [name, count] of sums) waiting.labels(root.name, name).set(count);
    for (const name of shown) if (!sums.has(name)) waiting.remove(root.name, name);
    shown = new Set(sums.keys());
    for (const [reason, count] of root.deadLetters.counts) {
      letters.labels(root.name, reason).add(count - (counted.get(reason) ?? 0));
      counted.set(reason, count);
    }
  });
}

function waitingByName(root: SupervisorStatus): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  const add = (one: ActorStatus | SupervisorStatus): void => {
    if (one.kind === "supervisor") return one.children.forEach(add);
    const name = sums.size < namesMax || sums.has(one.name) ? one.name : "other";
    sums.set(name, (sums.get(name) ?? 0) + one.waiting);
  };
  add(root);
  return sums;
}
