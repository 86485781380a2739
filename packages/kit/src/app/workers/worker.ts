import cluster, { type Worker as ClusterWorker } from "node:cluster";
import type { Clock } from "../../clock.ts";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { AdminStatus } from "../admin.ts";
import { workerPlaceVariable } from "../environment.ts";
import type { MetricsRequest, WorkerMessage } from "./worker-messages.ts";
import { isWorkerMessage } from "./worker-messages.ts";

/** What is shown of a worker. */
export interface WorkerState {
  /** The number that its metrics carry; a place is taken again when its worker has gone. */
  readonly place: number;
  readonly pid: number;
  /** As /readyz of the worker says it. */
  readonly state: string;
  readonly details?: AdminStatus["details"];
  /** Since when the process is there, in ISO 8601. */
  readonly since: string;
  /** Where its own admin port is. */
  readonly adminAddress: string;
  /** Whether it was told to go. */
  readonly leaving: boolean;
}

const metricsMsMax = 1000;

/** One process of a group. A class because it holds a process. */
export class Worker {
  readonly place: number;
  /** Resolves when it serves for the first time; rejects with WORKER_ENDED when it ends before. */
  readonly serving: Promise<void>;
  /** Resolves when the process has ended, with how. */
  readonly ended: Promise<string>;
  readonly #process: ClusterWorker;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #waiting = new Map<number, (text: string) => void>();
  #asked = 0;
  #status: AdminStatus = { ready: false, state: "STARTING" };
  #address: { readonly host: string; readonly port: number } | undefined;
  #adminAddress = "";
  #leaving = false;
  #hasEnded = false;

  constructor(place: number, clock: Clock) {
    this.place = place;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    const serving = Promise.withResolvers<void>();
    this.serving = serving.promise;
    this.serving.catch(() => undefined);
    this.#process = cluster.fork({ [workerPlaceVariable]: String(place) });
    const nowMs = clock.nowMs();
    this.since = new Date(nowMs).toISOString();
    this.#process.on("message", (message: unknown) => {
      if (isWorkerMessage(message)) this.#hear(message);
      if (this.#status.ready) serving.resolve();
    });
    this.#process.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      this.#process.once("exit", (code: number | null, signal: string | null) => {
        this.#hasEnded = true;
        const how = signal ?? `code ${code}`;
        serving.reject(fault(kitReasons.WORKER_ENDED, `Expected worker ${this.place} to serve, found that it ended (${how}).`));
        resolve(how);
      });
    });
  }

  readonly since: string;

  /** How long it has been there, in milliseconds. */
  get ageMs(): number {
    return this.#clock.monotonicMs() - this.#startedMs;
  }

  get isServing(): boolean {
    return this.#status.ready && !this.#hasEnded;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  /** Where it takes calls, once it listens. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    return this.#address;
  }

  state(): WorkerState {
    const { state, details } = this.#status;
    return {
      place: this.place,
      pid: this.#process.process.pid ?? 0,
      state,
      ...(details && { details }),
      since: this.since,
      adminAddress: this.#adminAddress,
      leaving: this.#leaving,
    };
  }

  /** Its metrics; undefined when it does not say in time. */
  async metrics(): Promise<string | undefined> {
    if (this.#hasEnded || !this.#process.isConnected()) return undefined;
    const id = ++this.#asked;
    const answer = Promise.withResolvers<string | undefined>();
    const cancel = this.#clock.after(metricsMsMax, () => answer.resolve(undefined));
    this.#waiting.set(id, answer.resolve);
    const request: MetricsRequest = { weir: "metrics?", id };
    this.#process.send(request, undefined, (error) => error && answer.resolve(undefined));
    const text = await answer.promise;
    cancel();
    this.#waiting.delete(id);
    return text;
  }

  /** Tells it to drain and end; what has not ended after `killMs` is killed. Resolves when it has ended. */
  async leave(killMs: number): Promise<void> {
    this.#leaving = true;
    this.#process.process.kill("SIGTERM");
    const cancel = this.#clock.after(killMs, () => void this.#process.process.kill("SIGKILL"));
    await this.ended;
    cancel();
  }

  /** Ends it at once: for one that does not come to serve. It counts as a crash. */
  kill(): void {
    this.#process.process.kill("SIGKILL");
  }

  #hear(message: WorkerMessage): void {
    if (message.weir === "metrics") this.#waiting.get(message.id)?.(message.text);
    else if (message.weir === "status") this.#status = message.status;
    else {
      this.#address = { host: message.host, port: message.port };
      this.#adminAddress = message.adminAddress;
    }
  }
}
