import { systemClock } from "../clock.ts";
import { createLogger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { AdminPages } from "./admin-pages.ts";
import { createAdminPages } from "./admin-pages.ts";
import type { AppOptions } from "./app-options.ts";
import { createAppPolicies } from "./app-policies.ts";
import type { RunningApp } from "./life-cycle.ts";
import { startApp } from "./life-cycle.ts";
import type { Policies } from "../policy/policies.ts";
import type { ServiceDescriptor } from "../contract/contract.ts";
import type { PracticeCalls, PracticeOptions } from "./practice.ts";
import { practiceStep } from "./practice.ts";
import { policyPage } from "./policy-page.ts";
import { runApp } from "./run.ts";
import type { NamedWarmUpStep, WarmUpStep } from "./warm-up.ts";

export type { AdminPage, AdminPages } from "./admin-pages.ts";
export type { AppListenOptions, AppOptions, AppRpcOptions, AppTimeouts, ControlOptions } from "./app-options.ts";
export type { AppPolicyOptions } from "./app-policies.ts";
export type { RunningApp } from "./life-cycle.ts";
export type { AppState } from "./state.ts";
export type { AppTlsOptions } from "./tls-files.ts";
export type { PracticeCalls, PracticeOptions } from "./practice.ts";
export type { WarmUpInside, WarmUpStep } from "./warm-up.ts";

/** A process that serves contracts. */
export interface App {
  readonly name: string;
  /** For metrics of one's own. */
  readonly metrics: Metrics;
  /** Pages of one's own on the admin port. */
  readonly admin: AdminPages;
  /** What guards what it serves, and its clients: `createClient(Recall, transport, { policies: app.policies.client("recall") })`. */
  readonly policies: Policies;
  /** Adds a step that runs before the first call is taken, in the order of adding. */
  warmUp(name: string, step: WarmUpStep): App;
  /**
   * Adds a step, "practice <service>", that calls the app itself over a port of its own, through everything that a caller's bytes pass, until
   * the latency settles.
   * @example app.practise(Feed, { page: (client, round) => client.page({ userId: `practice-${round}` }) })
   */
  practise<C>(service: ServiceDescriptor<unknown, C>, calls: PracticeCalls<C>, options?: PracticeOptions): App;
  /**
   * The main of a service: serves until SIGTERM or SIGINT and then stops. Options that were left out come from the
   * environment. Sets the exit code: 0 after a clean stop, 1 when it could not start (the log says why). A second
   * signal ends the process at once.
   */
  run(): Promise<void>;
  /** For tests and for apps inside another process: resolves when it serves, rejects with why it does not. */
  start(): Promise<RunningApp>;
}

/**
 * An app: listen → warm up → SERVING → register; then NOT_SERVING → deregister → drain → stop.
 * @example await createApp({ name: "feed", services: [feed], version: "v2" }).warmUp("recall", loadIndex).run();
 */
export function createApp(options: AppOptions): App {
  const metrics = createMetrics();
  const admin = createAdminPages();
  const policies = createAppPolicies(options.policies, { metrics, clock: options.clock ?? systemClock });
  admin.add("/policies", policyPage(policies.policies));
  const { config } = options;
  if (config) {
    admin.add("/config", { show: () => config.explain() });
    config.observe(metrics);
  }
  const steps: NamedWarmUpStep[] = [];
  const app: App = {
    name: options.name,
    metrics,
    admin,
    policies: policies.policies,
    warmUp(name, step) {
      steps.push({ name, step });
      return app;
    },
    practise(service, calls, practiceOptions) {
      const step = practiceStep(service, calls, practiceOptions);
      return app.warmUp(`practice ${service.typeName.split(".").at(-1)}`, step);
    },
    run: () => runApp(options, { steps, metrics, pages: admin, policies }),
    start() {
      const log = options.log ?? createLogger({ write: () => undefined, level: "silent" });
      const { clock = systemClock } = options;
      return startApp(options, { steps, metrics, pages: admin, policies, log, clock, signal: new AbortController().signal });
    },
  };
  return app;
}
