import type { HttpResponse } from "@weir/wire";
import type { Call } from "../../call.ts";
import type { Fault } from "../../fault.ts";
import { coreReasons, fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { Message } from "../../service.ts";
import type { DeadlineEntry } from "./deadline-queue.ts";
import type { UnaryDialect } from "./dialect.ts";
import type { Asked } from "./rpc-server.ts";
import { callFrom, refusalFrom, requestUntilEnded } from "./rpc-server.ts";

/**
 * Runs a unary method on its message, or on one that is still being read. Always answers: with what the handler answered, with its
 * Fault, or with DEADLINE_EXCEEDED and CALL_CANCELLED even when neither body nor handler ever end; what they do afterwards is dropped.
 */
export function serveUnary(input: unknown, asked: Asked, dialect: UnaryDialect): Promise<HttpResponse> {
  return serve(asked, dialect, {
    timeoutMs: Math.min(asked.timeoutMs, asked.method.timeoutMsMax),
    begin(serving) {
      if (input instanceof Promise) {
        input.then(
          (message: unknown) => serving.ask({ stream: false, message }),
          (thrown: unknown) => serving.fail(thrown),
        );
      } else serving.ask({ stream: false, message: input });
    },
  });
}

/** The same for a method that takes a stream and answers one message, over a protocol that answers it like a unary one. */
export function serveClientStream(messages: AsyncIterable<unknown>, asked: Asked, dialect: UnaryDialect): Promise<HttpResponse> {
  asked.exchange.openEnded?.();
  return serve(asked, dialect, {
    timeoutMs: Math.min(asked.timeoutMs, asked.server.streamTimeoutMsMax),
    begin: (serving, call) => serving.ask(requestUntilEnded({ stream: true, messages }, asked, call)),
  });
}

interface Beginning {
  readonly timeoutMs: number;
  begin(serving: UnaryServing, call: Call): void;
}

function serve(asked: Asked, dialect: UnaryDialect, { timeoutMs, begin }: Beginning): Promise<HttpResponse> {
  const call = callFrom(asked, timeoutMs);
  return new Promise((resolve) => {
    const serving = new UnaryServing(asked, { call, dialect, resolve });
    if (timeoutMs <= 0) serving.expire();
    else {
      serving.watchDeadline(timeoutMs);
      asked.exchange.onCancel(() => serving.end(fault(coreReasons.CALL_CANCELLED, "The client went away.")));
    }
    // Also what is over already: its body may still fail, and a rejection that nobody hears ends the process.
    begin(serving, call);
  });
}

interface Held {
  readonly call: Call;
  readonly dialect: UnaryDialect;
  readonly resolve: (answer: HttpResponse) => void;
}

/** Holds the place of a call among the deadlines until it is answered. */
class UnaryServing implements DeadlineEntry {
  readonly deadlineMs: number;
  earlier: DeadlineEntry | undefined = undefined;
  later: DeadlineEntry | undefined = undefined;
  #asked: Asked;
  #call: Call;
  #dialect: UnaryDialect;
  #resolve: ((answer: HttpResponse) => void) | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(asked: Asked, held: Held) {
    this.#asked = asked;
    this.#call = held.call;
    this.#dialect = held.dialect;
    this.#resolve = held.resolve;
    this.deadlineMs = held.call.deadlineMs;
  }

  watchDeadline(timeoutMs: number): void {
    const { method, server } = this.#asked;
    if (timeoutMs === Infinity) return;
    if (timeoutMs === method.timeoutMsMax) method.deadlines.add(this);
    else this.#stopTimer = server.clock.after(timeoutMs, () => this.expire());
  }

  /** Asks the handler. */
  ask(message: Message<unknown>): void {
    if (!this.#resolve) return;
    try {
      this.#asked.method.service(message, this.#call).then(
        (answer) => this.succeed(answer),
        (thrown: unknown) => this.fail(thrown),
      );
    } catch (thrown) {
      this.fail(thrown);
    }
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
      const response = this.#dialect.answer(answer.message, this.#asked, this.#call);
      if (response instanceof Promise) {
        response.then(
          (compressed) => this.#settle(compressed),
          (thrown: unknown) => this.fail(thrown),
        );
      } else this.#settle(response);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  fail(thrown: unknown): void {
    if (!this.#resolve) return;
    this.#settle(refusalFrom(thrown, this.#asked, { dialect: this.#dialect, call: this.#call }));
  }

  #settle(answer: HttpResponse): void {
    this.#asked.method.deadlines.remove(this);
    this.#stopTimer?.();
    this.#call.finish();
    this.#resolve?.(answer);
    this.#resolve = undefined;
  }
}
