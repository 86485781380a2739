import { metadataValue } from "../call.ts";
import type { HttpHandler } from "@weir/wire";
import { Health } from "../contract/grpc/health/v1/health.weir.ts";
import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { faultAnswer } from "../rpc/node/answer.ts";
import type { Layer, Message } from "../service.ts";
import type { StateHolder } from "./state.ts";

const healthPath = `/${Health.typeName}/`;

const practiceHeader = "x-weir-practice";

/**
 * Refuses calls with APP_NOT_SERVING until the warm-up is done, each as its protocol does: they would be slow at best, and go to another
 * instance instead. Health says so itself.
 */
export function servingLayer(state: StateHolder): Layer<Message<unknown>, Message<unknown>> {
  return (next) => (message, call) => {
    const refusal = call.method.startsWith(healthPath) ? undefined : refusalIn(state, call.metadata);
    return refusal === undefined ? next(message, call) : Promise.reject(refusal);
  };
}

/** The same for what answers paths that no method has. */
export function servingHandler(handler: HttpHandler, state: StateHolder): HttpHandler {
  return (request, exchange) => {
    const refusal = refusalIn(state);
    return refusal === undefined ? handler(request, exchange) : Promise.resolve(faultAnswer(refusal, { rest: true, domain: "weir" }));
  };
}

/** What calls bring that an app makes to itself while it warms up. */
export function practiceMetadata({ practiceToken }: StateHolder): readonly string[] {
  return [practiceHeader, practiceToken];
}

function refusalIn({ current, practiceToken }: StateHolder, metadata: readonly string[] = []): Fault | undefined {
  if (current !== "STARTING" && current !== "WARMING_UP") return undefined;
  if (metadataValue(metadata, practiceHeader) === practiceToken) return undefined;
  return fault(kitReasons.APP_NOT_SERVING, `Expected this app to be SERVING, found it ${current}.`, { retryAfterMs: 1000 });
}
