import type { Call, CallKey } from "@weir/kit/call";
import { metadataValue } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import type { Fault } from "@weir/kit/fault";
import { fault, isFault } from "@weir/kit/fault";
import type { Layer, Message } from "@weir/kit/service";
import { actorKey, assertMayTouch, callerKey } from "../caller.ts";
import { methodRules } from "../methods.ts";
import { controlReasons } from "../reasons.ts";
import type { TokenRow } from "../tables.ts";
import type { Attempts } from "./attempts.ts";
import type { TokenBook } from "./token-book.ts";
import { callerFrom, tokenFault } from "./token-book.ts";

/** What the two identity Layers share. */
export interface IdentityLayersOptions {
  readonly tokens: TokenBook;
  readonly attempts: Attempts;
  readonly clock: Clock;
  /** Told of every refusal, for the metrics. */
  readonly onRefused: (reason: string) => void;
}

/** Why the caller will be refused: set by `authenticate`, thrown by `authorise`, so that the audit between them sees it. */
const refusalKey: CallKey<Fault> = { name: "control.refusal" };

type RpcLayer = Layer<Message<unknown>, Message<unknown>>;

/**
 * Finds out who calls. A missing, unknown, expired or revoked token does not end the call here but at `authorise`, unless
 * there were too many of them: then it ends with ATTEMPTS_TOO_MANY before anything is looked at.
 */
export function authenticateLayer(options: IdentityLayersOptions): RpcLayer {
  const { tokens, attempts, clock, onRefused } = options;
  return (next) => async (request, call) => {
    const key = addressOf(call);
    if (methodRules[call.method]?.roles === "anyone") {
      refuseMany(attempts.waitMs(key), onRefused);
      return await counted(() => next(request, call), { attempts, key, onRefused });
    }
    const text = tokenText(call);
    const row = text === undefined ? undefined : tokens.find(text);
    const refusal = refusalOf(text, row, clock);
    if (refusal) {
      refuseMany(attempts.count(key), onRefused);
      onRefused(refusal.reason);
      call.set(refusalKey, refusal);
    } else if (row) {
      call.set(callerKey, callerFrom(row));
    }
    if (row) call.set(actorKey, row.name);
    return await next(request, call);
  };
}

/**
 * Lets in who may. Errors: TOKEN_MISSING, TOKEN_UNKNOWN, TOKEN_EXPIRED, TOKEN_REVOKED, ROLE_INSUFFICIENT,
 * SERVICE_NOT_PERMITTED, ATTEMPTS_TOO_MANY. A stream ends when the token it was opened with is no longer good.
 */
export function authoriseLayer(options: IdentityLayersOptions): RpcLayer {
  const { tokens, attempts, clock, onRefused } = options;
  return (next) => async (request, call) => {
    const refusal = call.get(refusalKey);
    if (refusal) throw refusal;
    const rule = methodRules[call.method];
    if (rule?.roles === "anyone") return await next(request, call);
    const caller = call.get(callerKey);
    if (!caller) throw fault(controlReasons.TOKEN_MISSING, "Expected a caller, found none.");
    try {
      if (!rule?.roles.includes(caller.role)) {
        const expected = rule?.roles.join(" or ") ?? "a method that control knows";
        throw fault(controlReasons.ROLE_INSUFFICIENT, `Expected ${expected} for ${call.method}, found ${caller.role}.`);
      }
      if (rule.service && !request.stream) assertMayTouch(call, rule.service(request.message as never));
    } catch (error) {
      refuseMany(attempts.count(`token ${caller.tokenId}`), onRefused);
      if (isFault(error)) onRefused(error.reason);
      throw error;
    }
    const answer = await next(request, call);
    if (!answer.stream) return answer;
    return { stream: true, messages: whileGood(answer.messages, () => staleFault(tokens.byId(caller.tokenId), clock)) };
  };
}

async function* whileGood(messages: AsyncIterable<unknown>, stale: () => Fault | undefined): AsyncGenerator<unknown, void, undefined> {
  for await (const message of messages) {
    const found = stale();
    if (found) throw found;
    yield message;
  }
}

function staleFault(row: TokenRow | undefined, clock: Clock): Fault | undefined {
  if (!row) return fault(controlReasons.TOKEN_UNKNOWN, "Expected a token that control knows, found that it was removed.");
  return tokenFault(row, clock.nowMs());
}

function refusalOf(text: string | undefined, row: TokenRow | undefined, clock: Clock): Fault | undefined {
  if (text === undefined) {
    return fault(controlReasons.TOKEN_MISSING, "Expected a token in `authorization: Bearer …`, found none.");
  }
  if (!row) return fault(controlReasons.TOKEN_UNKNOWN, "Expected a token that control knows, found another.");
  return tokenFault(row, clock.nowMs());
}

function refuseMany(waitMs: number, onRefused: (reason: string) => void): void {
  if (waitMs === 0) return;
  onRefused(controlReasons.ATTEMPTS_TOO_MANY.reason);
  const seconds = Math.ceil(waitMs / 1000);
  throw fault(controlReasons.ATTEMPTS_TOO_MANY, `Expected fewer refused attempts; the next one is heard in ${seconds} s.`, {
    retryAfterMs: waitMs,
  });
}

/** Runs a method that needs no token and counts when it refuses what it was given in place of one. */
async function counted<R>(
  run: () => Promise<R>,
  { attempts, key, onRefused }: { attempts: Attempts; key: string; onRefused: (reason: string) => void },
): Promise<R> {
  try {
    return await run();
  } catch (error) {
    if (isFault(error) && error.code === "UNAUTHENTICATED") {
      attempts.count(key);
      onRefused(error.reason);
    }
    throw error;
  }
}

function tokenText(call: Call): string | undefined {
  const [, text] = /^bearer +([\x21-\x7e]{1,512})$/i.exec(metadataValue(call.metadata, "authorization") ?? "") ?? [];
  return text;
}

/** The peer without its port. */
function addressOf(call: Call): string {
  const { address } = call.peer;
  const colon = address.lastIndexOf(":");
  return `address ${colon === -1 ? address : address.slice(0, colon)}`;
}
