import type { Clock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { fault, faultFrom } from "../fault.ts";
import type { Waiting } from "./patience.ts";
import { Patience } from "./patience.ts";
import { cacheReasons } from "./reasons.ts";

/** What a cache asks its store for. Set and lease are writes, which a full store refuses. */
export type StoreOperation = "get" | "set" | "drop" | "lease";

/** Whom a guard tells. */
export interface GuardOptions {
  readonly clock: Clock;
  /** Time for one operation. */
  readonly timeoutMs: number;
  readonly partOf: ((key: string) => string) | undefined;
  readonly onFailure: (operation: StoreOperation, failure: Fault) => void;
  /** How long an operation took that was waited for. */
  readonly onAnswer: (operation: StoreOperation, durationMs: number) => void;
}

/** What is wrong with a part of a store: it is left alone until `untilMs`, then one operation tries it. */
interface Trouble {
  readonly kind: "away" | "read_only";
  readonly untilMs: number;
  probed: boolean;
}

interface Probe {
  readonly part: string;
}

/** One question to the store. */
export interface StoreQuestion<T> {
  readonly operation: StoreOperation;
  readonly key: string;
  /** Hears of an answer that came after its time. */
  readonly late?: (answer: T) => void;
}

const restMs = 1000;
const forgetMs = 60_000;
const partsMax = 1000;

/**
 * Stands between a cache and a store that may be away. Whatever fails or is late is answered undefined, and the part of the store that
 * has the key is left alone for about a second; then one operation tries it while the others still go without. So a store that is gone
 * costs one waiting a second, not one a request.
 */
export class StoreGuard {
  readonly #options: GuardOptions;
  /** Empty while all is well. */
  readonly #troubles = new Map<string, Trouble>();
  readonly #patience: Patience;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#patience = new Patience(options.clock);
  }

  /** What is wrong, by the part of the store. */
  get troubles(): Readonly<Record<string, Trouble["kind"]>> {
    const oldMs = this.#options.clock.monotonicMs() - forgetMs;
    // A part that nobody has asked since is perhaps no longer one.
    for (const [part, { untilMs }] of this.#troubles) if (untilMs < oldMs) this.#troubles.delete(part);
    return Object.fromEntries([...this.#troubles].map(([part, { kind }]) => [part === "" ? "all" : part, kind]));
  }

  /** The store's answer; undefined when there is none. Throws CACHE_OPTION_INVALID for a key that the store does not take. */
  ask<T>(question: StoreQuestion<T>, ask: () => T | Promise<T>): T | undefined | Promise<T | undefined> {
    const probes = this.#troubles.size > 0 ? this.#probeOf(question) : undefined;
    if (probes === "rests") return undefined;
    try {
      const answer = ask();
      if (answer instanceof Promise) return this.#inTime(question, { answer, probes });
      if (probes) this.#troubles.delete(probes.part);
      return answer;
    } catch (thrown) {
      this.#failed(question, { thrown, probes });
      return undefined;
    }
  }

  /** Which part in trouble this question tries; undefined when its part is well. */
  #probeOf<T>({ operation, key }: StoreQuestion<T>): Probe | "rests" | undefined {
    const part = this.#partOf(key);
    const trouble = this.#troubles.get(part);
    if (!trouble || (trouble.kind === "read_only" && operation !== "set" && operation !== "lease")) return undefined;
    if (trouble.probed || this.#options.clock.monotonicMs() < trouble.untilMs) return "rests";
    trouble.probed = true;
    return { part };
  }

  #inTime<T>(question: StoreQuestion<T>, asked: { answer: Promise<T>; probes: Probe | undefined }): Promise<T | undefined> {
    const { clock, timeoutMs, onAnswer } = this.#options;
    const startMs = clock.monotonicMs();
    return new Promise((resolve, reject) => {
      const fail = (thrown: unknown): void => {
        try {
          this.#failed(question, { thrown, probes: asked.probes });
          resolve(undefined);
        } catch (mistake) {
          reject(mistake as Error);
        }
      };
      const late = (): void => fail(fault(cacheReasons.CACHE_STORE_AWAY, `Expected the store to answer within ${timeoutMs} ms.`));
      const one: Waiting = { dueMs: startMs + timeoutMs, late };
      this.#patience.begin(one);
      asked.answer.then(
        (answer) => {
          if (!this.#patience.end(one)) return question.late?.(answer);
          if (asked.probes) this.#troubles.delete(asked.probes.part);
          onAnswer(question.operation, clock.monotonicMs() - startMs);
          resolve(answer);
        },
        (thrown: unknown) => {
          if (this.#patience.end(one)) fail(thrown);
        },
      );
    });
  }

  #failed<T>({ operation, key }: StoreQuestion<T>, { thrown, probes }: { thrown: unknown; probes: Probe | undefined }): void {
    const found = faultFrom(thrown);
    const { clock, onFailure } = this.#options;
    // The key may belong to another part by now.
    const part = probes?.part ?? this.#partOf(key);
    if (found.reason === cacheReasons.CACHE_OPTION_INVALID.reason) {
      const trouble = this.#troubles.get(part);
      if (trouble) trouble.probed = false;
      throw found;
    }
    if (this.#troubles.size >= partsMax) this.#troubles.clear();
    const kind = found.reason === cacheReasons.CACHE_STORE_READ_ONLY.reason ? "read_only" : "away";
    this.#troubles.set(part, { kind, untilMs: clock.monotonicMs() + restMs * (0.5 + clock.random()), probed: false });
    onFailure(operation, found);
  }

  #partOf(key: string): string {
    return this.#options.partOf?.(key) ?? "";
  }
}
