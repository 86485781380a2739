import type { HttpResponse } from "@weir/wire";
import type { Call } from "../../call.ts";
import type { Fault } from "../../fault.ts";
import { coreReasons, fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { Message } from "../../service.ts";
import { faultAnswer, jsonAnswer } from "./answer.ts";
import type { DeadlineEntry } from "./deadline-queue.ts";
import type { Asked } from "./rpc-server.ts";
import { callFrom, checkAnswerBytes, faultToAnswer } from "./rpc-server.ts";

/**
 * Runs a unary method. Always answers: with what the handler answered, with its Fault, or with DEADLINE_EXCEEDED and CALL_CANCELLED
 * even when the handler never settles; what it does afterwards is dropped.
 */
export function serveUnary(input: unknown, asked: Asked): Promise<HttpResponse> {
  const { method, head, exchange } = asked;
  const timeoutMs = Math.min(head.timeoutMs, method.timeoutMsMax);
  const call = callFrom(asked, timeoutMs);
  return new Promise((resolve) => {
    const serving = new UnaryServing(asked, { call, resolve });
    if (timeoutMs <= 0) return serving.expire();
    serving.watchDeadline(timeoutMs);
    exchange.onCancel(() => serving.end(fault(coreReasons.CALL_CANCELLED, "The client went away.")));
    if (call.ended !== undefined) return;
    try {
      method.service({ stream: false, message: input }, call).then(
        (answer) => serving.succeed(answer),
        (thrown: unknown) => serving.fail(thrown),
      );
    } catch (thrown) {
      serving.fail(thrown);
    }
  });
}

/** Holds the place of a call among the deadlines until it is answered. */
class UnaryServing implements DeadlineEntry {
  readonly deadlineMs: number;
  earlier: DeadlineEntry | undefined = undefined;
  later: DeadlineEntry | undefined = undefined;
  #asked: Asked;
  #call: Call;
  #resolve: ((answer: HttpResponse) => void) | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(asked: Asked, held: { readonly call: Call; readonly resolve: (answer: HttpResponse) => void }) {
    this.#asked = asked;
    this.#call = held.call;
    this.#resolve = held.resolve;
    this.deadlineMs = held.call.deadlineMs;
  }

  watchDeadline(timeoutMs: number): void {
    const { method, server } = this.#asked;
    if (timeoutMs === Infinity) return;
    if (timeoutMs === method.timeoutMsMax) method.deadlines.add(this);
    else this.#stopTimer = server.clock.after(timeoutMs, () => this.expire());
  }

  expire(): void {
    this.end(fault(coreReasons.DEADLINE_EXCEEDED, "The deadline passed before the answer was ready."));
  }

  /** Ends the call early: the handler's signal aborts and the answer is this Fault. */
  end(reason: Fault): void {
    if (!this.#resolve) return;
    this.#call.cancel(reason);
    this.fail(reason);
  }

  succeed(answer: Message<unknown>): void {
    if (!this.#resolve) return;
    try {
      if (answer.stream) throw fault(kitReasons.HANDLER_ANSWER_INVALID, `Expected one message from ${this.#call.method}, found a stream.`);
      const response = jsonAnswer(this.#asked.dialect.text(answer.message), this.#call);
      checkAnswerBytes((response.body as Uint8Array).length, this.#asked);
      this.#settle(response);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  fail(thrown: unknown): void {
    if (!this.#resolve) return;
    const { server, method, dialect } = this.#asked;
    const found = faultToAnswer(thrown, server, this.#call.method);
    this.#settle(faultAnswer(found, { rest: dialect.rest, domain: method.domain, call: this.#call }));
  }

  #settle(answer: HttpResponse): void {
    this.#asked.method.deadlines.remove(this);
    this.#stopTimer?.();
    this.#call.finish();
    this.#resolve?.(answer);
    this.#resolve = undefined;
  }
}
