import type { Call } from "@weir/kit/call";
import type { Fault } from "@weir/kit/fault";
import { faultFrom } from "@weir/kit/fault";
import type { Layer, Message } from "@weir/kit/service";
import { actorKey } from "../caller.ts";
import type { MethodRule } from "../methods.ts";
import { actionOf, methodRules } from "../methods.ts";
import { reasonCharactersMax } from "../reason-text.ts";
import type { Origin } from "../write.ts";
import { writeKey } from "../write.ts";
import { canonicalJson } from "./chain.ts";
import type { AuditWriter } from "./writer.ts";

/** The actor of acts by nobody we know. */
const stranger = "unknown";
const resourceCharactersMax = 200;
const attemptCharactersMax = 2000;

/** Refusals by which control says that it never looked at the request; recording them would only add to the load. */
const unlooked = new Set(["CALL_CANCELLED", "DEADLINE_EXCEEDED", "WRITES_TOO_MANY", "ATTEMPTS_TOO_MANY", "CONTROL_SUPERSEDED"]);

/**
 * Runs every write method as an act: its change and its audit entries are committed together, or neither is. One that
 * is refused gets an entry too, with the reason of its Fault as outcome. Reads pass. It stands inside the Layer that
 * says who calls and around the one that says what they may, so that refusals have a name.
 */
export function auditLayer(writer: AuditWriter): Layer<Message<unknown>, Message<unknown>> {
  return (next) => async (request, call) => {
    const rule = methodRules[call.method];
    if (rule?.kind !== "write" || request.stream) return next(request, call);
    const origin: Origin = { actor: call.get(actorKey) ?? stranger, action: actionOf(call.method), call };
    try {
      return await writer.write(origin, (write) => {
        call.set(writeKey, write);
        return next(request, call);
      });
    } catch (thrown) {
      const refusal = faultFrom(thrown);
      await recordRefusal(writer, { origin, rule, message: request.message, refusal, call });
      throw refusal;
    }
  };
}

interface RefusedCall {
  readonly origin: Origin;
  readonly rule: MethodRule;
  readonly message: unknown;
  readonly refusal: Fault;
  readonly call: Call;
}

async function recordRefusal(writer: AuditWriter, { origin, rule, message, refusal, call }: RefusedCall): Promise<void> {
  if (unlooked.has(refusal.reason)) return;
  const { reason = "", code: _secret, ...rest } = message as { reason?: string; code?: string };
  const attempt = rule.attempt?.(message as never) ?? rest;
  const text = canonicalJson(attempt);
  try {
    await writer.refuse(origin, {
      resource: (rule.resource?.(message as never) ?? "").slice(0, resourceCharactersMax),
      to: text.length > attemptCharactersMax ? undefined : attempt,
      reason: reason.slice(0, reasonCharactersMax),
      outcome: refusal.reason,
    });
  } catch (error) {
    // Nothing was changed, so nothing is missing from the chain but the attempt.
    call.log.error("a refused change could not be recorded", { action: origin.action, outcome: refusal.reason, error });
  }
}
