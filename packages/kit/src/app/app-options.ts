import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { ShownConfig } from "../config/config.ts";
import type { Implementation } from "../rpc/implement.ts";
import type { RpcOptions } from "../rpc/node/server.ts";
import type { Layer, Message } from "../service.ts";
import type { AppPolicyOptions } from "./app-policies.ts";
import type { AppTlsOptions } from "./tls-files.ts";

/** Where an app listens. */
export interface AppListenOptions {
  /** Address for calls and for the admin port. Default WEIR_HOST under `run`, else "127.0.0.1". */
  readonly host?: string;
  /** 0 takes any free one, which the log names. Default WEIR_PORT under `run`, else 0. */
  readonly port?: number;
  /** For /healthz, /readyz and /metrics, always in cleartext. Default WEIR_ADMIN_PORT under `run`, else 0. */
  readonly adminPort?: number;
  /**
   * Processes that take calls on the port, 1 to 64, under `run`: replaced one by one, made anew when they crash. Default WEIR_WORKERS under
   * `run`, else 1, which is this process itself.
   */
  readonly workers?: number | undefined;
  /** Take calls over TLS, with certificates from files. Default cleartext. */
  readonly tls?: AppTlsOptions;
}

/** What an app is made of. */
export interface AppOptions extends AppListenOptions {
  /** What it is found by: "feed". */
  readonly name: string;
  /** From `implement`. */
  readonly services: readonly Implementation[];
  /** Tells instances of one app apart. Default WEIR_VERSION under `run`, else "dev". */
  readonly version?: string;
  /** Around every method of every service and of reflection, not of health; inside the metrics, first outermost. Default none. */
  readonly layers?: readonly Layer<Message<unknown>, Message<unknown>>[];
  /**
   * What guards the methods that are served: on by default. False for nothing; `app.policies` then still guards what is called, where it is
   * asked to.
   */
  readonly policies?: AppPolicyOptions | false;
  /** Limits and more of the RPC server. */
  readonly rpc?: AppRpcOptions;
  /** Where to register. Default WEIR_CONTROL_URL and WEIR_TOKEN under `run`, else nowhere. */
  readonly control?: ControlOptions;
  /** From `createConfig`: shown on the admin port at /config, secrets masked, and on /metrics. Whoever made it closes it. Default none. */
  readonly config?: ShownConfig;
  readonly timeouts?: AppTimeouts;
  /** Default under `run`: JSON lines on the standard output from WEIR_LOG_LEVEL (info) on; under `start`: none. */
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** What the RPC server of an app may be told. */
export interface AppRpcOptions extends Omit<RpcOptions, "layers" | "log" | "clock"> {
  /** Whether grpc.reflection (v1, v1alpha) gives out the contracts to whoever may call. Default true. */
  readonly reflection?: boolean;
}

/** The control plane that an app registers with. */
export interface ControlOptions {
  /** "http://127.0.0.1:7000". */
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  /** What others reach this app by. Default its host; for 0.0.0.0 and :: the name of the machine. */
  readonly advertisedHost?: string;
}

/** Bounds of the phases, in milliseconds. */
export interface AppTimeouts {
  /** For the whole warm-up. Default 120000. */
  readonly warmUpMsMax?: number;
  /** For leaving the registry. Default 2000. */
  readonly deregisterMsMax?: number;
  /** After leaving the registry calls are still taken for so long, until everybody has heard. Default 500; 0 without control. */
  readonly leaveMs?: number;
  /** For calls in flight; what is left is cut. Default 10000. */
  readonly drainMsMax?: number;
}
