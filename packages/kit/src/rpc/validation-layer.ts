import type { MessageType } from "../contract/contract.ts";
import { validationFault } from "../contract/validation.ts";
import type { Layer, Message } from "../service.ts";

/**
 * Refuses requests that break the rules of their contract with VALIDATION_FAILED: a single message before the handler is
 * called, one of a stream when the handler asks for it. Undefined for a type without rules, which costs nothing. `implement`
 * puts it innermost.
 */
export function validationLayer(type: MessageType<unknown>): Layer<Message<unknown>, Message<unknown>> | undefined {
  if (type.validate === undefined) return undefined;
  const check = (message: unknown, nowMs: number): void => {
    const violations = type.validate?.(message, nowMs) ?? [];
    if (violations.length > 0) throw validationFault(type.typeName, violations);
  };
  return (next) => (request, call) => {
    if (request.stream) {
      const messages = checked(request.messages, (message) => check(message, call.clock.nowMs()));
      return next({ stream: true, messages }, call);
    }
    try {
      check(request.message, call.clock.nowMs());
    } catch (thrown) {
      return Promise.reject(thrown as Error);
    }
    return next(request, call);
  };
}

async function* checked(messages: AsyncIterable<unknown>, check: (message: unknown) => void): AsyncGenerator<unknown, void> {
  for await (const message of messages) {
    check(message);
    yield message;
  }
}
