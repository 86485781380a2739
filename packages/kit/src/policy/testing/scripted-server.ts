import assert from "node:assert/strict";
import { Call } from "../../call.ts";
import type { Fault } from "../../fault.ts";
import { fault, isFault } from "../../fault.ts";
import type { Service } from "../../service.ts";
import type { VirtualClock } from "../../testing/virtual-clock.ts";

/** Whether something thrown is a Fault of a reason. */
export const faultOf =
  (reason: string) =>
  (thrown: unknown): boolean =>
    isFault(thrown) && thrown.reason === reason;

/** What a scripted server fails with. */
export const away: { readonly reason: string; readonly code: "UNAVAILABLE" } = { reason: "AWAY", code: "UNAVAILABLE" };
const refused = { reason: "REFUSED", code: "INVALID_ARGUMENT" } as const;

/** A server that does as it is told, and counts. */
export interface ScriptedServer {
  readonly serve: Service<string, string>;
  asked: number;
  mode: "works" | "fails" | "refuses" | "hangs";
}

/** A server that works and answers after a millisecond, until it is told otherwise. */
export function scriptedServer(clock: VirtualClock): ScriptedServer {
  const server: ScriptedServer = { asked: 0, mode: "works", serve };
  async function serve(request: string, call: Call): Promise<string> {
    server.asked += 1;
    if (server.mode === "fails") throw fault(away, "away");
    if (server.mode === "refuses") throw fault(refused, "no");
    if (server.mode === "hangs") await new Promise((_, reject) => call.onEnd(reject));
    await clock.sleep(1);
    return request;
  }
  return server;
}

/** A call on a virtual clock. */
export function callOf(clock: VirtualClock, timeoutMs?: number): Call {
  return new Call({ clock, ...(timeoutMs !== undefined && { timeoutMs }) });
}

/** The answer or the Fault, however much virtual time it takes. */
export async function settled<T>(clock: VirtualClock, answer: Promise<T>, stepMs = 100): Promise<T | Fault> {
  let found: { readonly value: T | Fault } | undefined;
  answer.then(
    (value) => (found = { value }),
    (thrown: Fault) => (found = { value: thrown }),
  );
  for (let steps = 0; found === undefined && steps < 1000; steps++) await clock.advance(stepMs);
  assert.ok(found, "the answer never settled");
  return found.value;
}

/** How many of the calls succeed that `ask` makes. */
export async function passing(calls: number, ask: () => Promise<unknown>): Promise<number> {
  let count = 0;
  for (let call = 0; call < calls; call++)
    await ask().then(
      () => count++,
      () => undefined,
    );
  return count;
}
