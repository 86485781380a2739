import { Call } from "../../call.ts";
import { isFault } from "../../fault.ts";
import { createVirtualClock, type VirtualClock } from "../../testing/virtual-clock.ts";
import type { Actor } from "../actor.ts";
import { createSupervisor, type SupervisionOptions, type Supervisor } from "../supervisor.ts";

/** Tells whether what was thrown is a Fault with this reason. */
export const faultOf =
  (reason: string) =>
  (thrown: unknown): boolean =>
    isFault(thrown) && thrown.reason === reason;

/** A tree of actors on a virtual clock. */
export interface House {
  readonly clock: VirtualClock;
  readonly root: Supervisor;
  ask(timeoutMs?: number): Call;
}

/** A root supervisor on a clock of its own; `ask` makes the calls that ask. */
export function house(options: Partial<SupervisionOptions> = {}): House {
  const clock = createVirtualClock();
  const root = createSupervisor({ name: "root", clock, ...options });
  return { clock, root, ask: (timeoutMs) => new Call({ clock, ...(timeoutMs !== undefined && { timeoutMs }) }) };
}

type Counting = Actor<{
  add(state: { count: number }, amount: number): number;
  fail(state: { count: number }, message: string): Promise<void>;
  read(state: { count: number }): number;
}>;

/** Counts, and fails when told to. Its log tells what all its incarnations did. */
export function counting(root: Supervisor, log: string[], more: { readonly name?: string; readonly triesMax?: number } = {}): Counting {
  return root.actor({
    name: more.name ?? "counter",
    triesMax: more.triesMax ?? 1,
    state: () => ({ count: 0 }),
    release: (state) => void log.push(`release ${state.count}`),
    handlers: {
      add(state, amount: number): number {
        state.count += amount;
        return state.count;
      },
      async fail(state, message: string): Promise<void> {
        log.push(`fail ${state.count}`);
        await Promise.resolve();
        throw new Error(message);
      },
      read: (state): number => state.count,
    },
  });
}
