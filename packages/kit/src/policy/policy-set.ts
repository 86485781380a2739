import type { Layer, Message } from "../service.ts";
import type { BulkheadPolicy, RatePolicy } from "./method-policy.ts";
import type { BulkheadOptions } from "./bulkhead.ts";
import type { Policy } from "./policy.ts";
import type { RateLimitOptions } from "./rate-limit.ts";

/** A policy of a set under its name; undefined options leave it out. */
export interface SetPart {
  readonly name: string;
  readonly layer: Layer<Message<unknown>, Message<unknown>> | undefined;
}

interface Known {
  readonly policy: Policy<unknown, unknown, Message<unknown>>;
  options: string;
}

/** Policies that stay while what they are told changes: one that is left out for a while goes on with what it knew. */
export class PolicySet {
  readonly #known = new Map<string, Known>();
  #order: readonly string[] = [];

  /** Names of those in force, the outermost first. */
  get order(): readonly string[] {
    return this.#order;
  }

  /** One policy by its options: made when first wanted, told of others after. Throws POLICY_OPTION_INVALID. */
  part<Options>(
    name: string,
    options: Options | undefined,
    create: (options: Options) => Policy<Options, unknown, Message<unknown>>,
  ): SetPart {
    if (options === undefined) return { name, layer: undefined };
    const text = JSON.stringify(options);
    const known = this.#known.get(name);
    if (!known) {
      const policy = create(options) as Policy<unknown, unknown, Message<unknown>>;
      this.#known.set(name, { policy, options: text });
      return { name, layer: policy.layer };
    }
    if (known.options !== text) known.policy.apply(options);
    known.options = text;
    return { name, layer: known.policy.layer };
  }

  /** Makes these the ones in force. */
  apply(parts: readonly SetPart[]): readonly Layer<Message<unknown>, Message<unknown>>[] {
    const used = parts.filter(({ layer }) => layer !== undefined);
    this.#order = used.map(({ name }) => name);
    return used.flatMap(({ layer }) => layer ?? []);
  }

  /** What each of those in force says of itself. */
  states(): Record<string, unknown> {
    return Object.fromEntries(this.#order.map((name) => [name, this.#known.get(name)?.policy.state()]));
  }
}

/** Options of a rate limit; none for no bound. */
export function rateOptions({ perSecond, burst }: RatePolicy): RateLimitOptions | undefined {
  if (perSecond === 0) return undefined;
  return { perSecond, ...(burst > 0 && { burst }) };
}

/** Options of a bulkhead; none for no bound. */
export function bulkheadOptions({ concurrencyMax, queueMax, waitMsMax }: BulkheadPolicy): BulkheadOptions | undefined {
  if (concurrencyMax === 0) return undefined;
  return { concurrencyMax, queueMax, ...(waitMsMax > 0 && { waitMsMax }) };
}
