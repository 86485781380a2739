import type { Logger } from "../call.ts";
import { Call } from "../call.ts";
import type { BulkheadOptions } from "../policy/bulkhead.ts";
import type { LoadSheddingOptions } from "../policy/load-shedding.ts";
import type { LoopWatch } from "../policy/loop-watch.ts";
import type { PolicyDrafts } from "../policy/method-policy.ts";
import { createLoopWatch } from "../policy/node-loop-watch.ts";
import type { Policies } from "../policy/policies.ts";
import { createPolicies } from "../policy/policies.ts";
import type { Clock } from "../clock.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** What guards an app, beside what contracts say and a configuration may change. */
export interface AppPolicyOptions {
  /** What code says of methods that are served or called. Default nothing. */
  readonly methods?: PolicyDrafts;
  /** From where on calls are shed; false for never. Default as `createLoadShedding` has it. */
  readonly shedding?: LoadSheddingOptions | false;
  /** Calls of all methods under way: urgent ones go first, and callers take turns. Default no bound. */
  readonly places?: BulkheadOptions;
}

/** The policies of an app, and what they learn when it starts. */
export interface AppPolicies {
  readonly policies: Policies;
  /** Whether what is served is guarded. */
  readonly serves: boolean;
  /** From now on changes are logged, and the loop is watched when this process is the app's own. The answer lets go of both. */
  begin(start: { readonly log: Logger; readonly ownsProcess: boolean }): () => void;
}

const silent = new Call().log;

/** Policies that may be asked for before the app starts. Throws POLICY_INVALID and POLICY_OPTION_INVALID. */
export function createAppPolicies(
  options: AppPolicyOptions | false = {},
  parts: { readonly metrics: Metrics; readonly clock: Clock },
): AppPolicies {
  let told = silent;
  let watch: LoopWatch | undefined;
  const log: Logger = {
    debug: (message, fields) => told.debug(message, fields),
    info: (message, fields) => told.info(message, fields),
    warn: (message, fields) => told.warn(message, fields),
    error: (message, fields) => told.error(message, fields),
    with: (fields) => told.with(fields),
  };
  const loop: LoopWatch = {
    delayMs: () => watch?.delayMs() ?? 0,
    utilisation: () => watch?.utilisation() ?? 0,
    close: () => watch?.close(),
  };
  const { methods = {}, ...server } = options === false ? { shedding: false as const } : { ...options };
  return {
    policies: createPolicies({ ...parts, ...server, policies: methods, loop, log }),
    serves: options !== false,
    begin(start) {
      told = start.log;
      // Inside another process the loop is blocked by others, and what is to be done about that is for others to say.
      if (start.ownsProcess) watch = createLoopWatch();
      return () => {
        watch?.close();
        watch = undefined;
        told = silent;
      };
    },
  };
}
