import type { ServiceDescriptor } from "../../contract/contract.ts";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { BoundMethod, Implementation, ImplementOptions } from "../../rpc/implement.ts";
import { implement } from "../../rpc/implement.ts";
import { createClient } from "../../rpc/client.ts";
import type { Message } from "../../service.ts";
import { createTestTransport } from "../../testing/transport.ts";
import type { App } from "../app.ts";
import type { GenerationState, HotSwapOptions, HotSwapState, Load, Use } from "./hot-swap.ts";
import { HotSwap } from "./hot-swap.ts";
import type { HotModuleOptions } from "./load-module.ts";
import { loadHotModule } from "./load-module.ts";

export type { GenerationPhase, GenerationState, HotSwapState, Load } from "./hot-swap.ts";

/** How the implementation of a service is replaced. */
export interface HotServiceOptions<C> extends Omit<HotSwapOptions<unknown>, "name" | "warmUp" | "selfTest"> {
  /** On metrics, in the log and as the page on the admin port. Default the name of the service in the contract: "Risk". */
  readonly name?: string;
  /** Calls the new implementation through the real stack, in memory, until it is ready. Default nothing. */
  readonly warmUp?: (client: C, signal: AbortSignal) => Promise<void>;
  /** The same, to see whether it answers rightly: a rejection refuses it. Default nothing. */
  readonly selfTest?: (client: C, signal: AbortSignal) => Promise<void>;
  /** Layers and validation of each implementation. */
  readonly implement?: ImplementOptions;
}

/** A service whose implementation is replaced while it serves. */
export interface HotService<H> {
  /** For `services` of `createApp`; answers HOT_SWAP_EMPTY before the first swap. */
  readonly implementation: Implementation;
  /** Swaps handlers in: see `HotSwap.swap`. */
  swap(load: Load<H>, options?: SwapOptions): Promise<GenerationState>;
  /** Swaps in what a module exports as "handlers", or by default. Rejects with HOT_SWAP_REFUSED, for what it does not export too. */
  swapModule(module: string | URL, options?: SwapOptions & HotModuleOptions): Promise<GenerationState>;
  /** Gives the new calls back to the generation before. Throws HOT_SWAP_EMPTY when none stands by. */
  rollBack(reason: string): GenerationState;
  state(): HotSwapState;
  /** Puts metrics (weir_hot_swap_…) and the page /hot-swap/<name> on an app; a POST of `{"rollBack": "why"}` there rolls back. */
  showOn(app: Pick<App, "metrics" | "admin">): void;
}

/** What one swap may be told. */
export interface SwapOptions {
  /** What is swapped in, for people: a file, a revision. Default the path of a module, else "". */
  readonly label?: string;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/**
 * A service that can be replaced whole: load → warm up → self-test → new calls → the old ones finish, and back by itself when errors rise.
 * @example const risk = createHotService(Risk, { selfTest: async (client) => void (await client.score(sample)) });
 *   createApp({ name: "risk", services: [risk.implementation] }).warmUp("rules", (signal) => risk.swapModule("./risk.ts", { signal }))
 */
export function createHotService<H extends object, C>(
  descriptor: ServiceDescriptor<H, C>,
  options: HotServiceOptions<C> = {},
): HotService<H> {
  const { warmUp, selfTest, implement: how, ...rest } = options;
  const name = options.name ?? descriptor.typeName.split(".").at(-1) ?? descriptor.typeName;
  const clientOf = (implementation: Implementation): C => createClient(descriptor, createTestTransport([implementation]));
  const generations = new HotSwap<Implementation>({
    ...rest,
    name,
    ...(warmUp && { warmUp: (implementation, signal) => warmUp(clientOf(implementation), signal) }),
    ...(selfTest && { selfTest: (implementation, signal) => selfTest(clientOf(implementation), signal) }),
  });
  const swap: HotService<H>["swap"] = (load, swapOptions) =>
    generations.swap(async (signal) => implement<H>(descriptor, await load(signal), how), swapOptions);
  return {
    implementation: {
      descriptor,
      methods: Object.values(descriptor.methods).map((method, index) => hotMethod({ method, index, generations })),
    },
    swap,
    swapModule: (module, { label = String(module), signal, ...moduleOptions } = {}) =>
      swap(() => handlersFrom<H>(module, moduleOptions), { label, ...(signal && { signal }) }),
    rollBack: (reason) => generations.rollBack(reason),
    state: () => generations.state(),
    showOn: (app) => showHotSwap(generations, app),
  };
}

/** Puts metrics (weir_hot_swap_…) and the page /hot-swap/<name> of a hot swap on an app. */
export function showHotSwap<T>(swap: HotSwap<T>, { metrics, admin }: Pick<App, "metrics" | "admin">): void {
  const { name } = swap.state();
  const gauge = (metric: string, help: string, value: (state: HotSwapState) => number): (() => void) => {
    const series = metrics.gauge({ name: `weir_hot_swap_${metric}`, help, labels: ["swap"] }).labels(name);
    return () => series.set(value(swap.state()));
  };
  const total = metrics.counter({ name: "weir_hot_swap_total", help: "Swaps by how they ended.", labels: ["swap", "outcome"] });
  const gauges = [
    gauge("generation", "The generation that takes new calls.", ({ current }) => current),
    gauge("generations", "Generations that are there.", ({ generations }) => generations.length),
    gauge("calls_in_flight", "Calls of all generations.", ({ generations }) =>
      generations.reduce((sum, { inFlight }) => sum + inFlight, 0),
    ),
  ];
  metrics.beforeText(() => {
    for (const set of gauges) set();
    const { switched, refused, rolledBack } = swap.state();
    for (const [outcome, count] of Object.entries({ switched, refused, rolled_back: rolledBack })) {
      const counter = total.labels(name, outcome);
      counter.add(count - counter.value());
    }
  });
  admin.add(`/hot-swap/${name}`, { show: () => swap.state(), change: (value) => swap.rollBack(reasonFrom(value)) });
}

function reasonFrom(value: unknown): string {
  const reason = typeof value === "object" && value !== null && "rollBack" in value ? value.rollBack : undefined;
  if (typeof reason === "string" && reason.trim() !== "" && reason.length <= 500) return reason;
  throw fault(kitReasons.JSON_INVALID, 'Expected {"rollBack": "why"}, at most 500 characters.');
}

interface HotMethod {
  readonly method: BoundMethod["descriptor"];
  readonly index: number;
  readonly generations: HotSwap<Implementation>;
}

function hotMethod({ method, index, generations }: HotMethod): BoundMethod {
  return {
    descriptor: method,
    async service(request, call) {
      const use = generations.use(call);
      try {
        // The methods of all generations stand in the order of one contract.
        const answer = await use.value.methods[index]!.service(request, call);
        if (answer.stream) return { stream: true, messages: held(answer.messages, use) };
        use.end();
        return answer;
      } catch (error) {
        use.end(error);
        throw error;
      }
    },
  };
}

/** Holds the generation until the stream has been read to its end, has failed, or was left. */
function held(messages: AsyncIterable<unknown>, use: Use<Implementation>): Extract<Message<unknown>, { stream: true }>["messages"] {
  return {
    [Symbol.asyncIterator]() {
      const iterator = messages[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            const result = await iterator.next();
            if (result.done === true) use.end();
            return result;
          } catch (error) {
            use.end(error);
            throw error;
          }
        },
        async return(value?: unknown) {
          use.end();
          return (await iterator.return?.(value)) ?? { done: true, value };
        },
      };
    },
  };
}

async function handlersFrom<H>(module: string | URL, options: HotModuleOptions): Promise<H> {
  const { exports } = await loadHotModule(module, options);
  const handlers = exports["handlers"] ?? exports["default"];
  if (typeof handlers === "object" && handlers !== null) return handlers as H;
  throw fault(
    kitReasons.HOT_MODULE_INVALID,
    `Expected ${String(module)} to export "handlers", found ${Object.keys(exports).join(", ") || "nothing"}.`,
  );
}
