import { lookup as platformLookup } from "node:dns/promises";
import type { Clock } from "../../../clock.ts";
import { fault } from "../../../fault.ts";
import { kitReasons } from "../../../reasons.ts";
import { jittered } from "./backoff.ts";
import type { EndpointAddress } from "./endpoint-address.ts";
import type { Target, TargetListener, TargetWatch } from "./target.ts";
import { addressKey } from "./endpoint-address.ts";

/** All addresses of a name, A and AAAA. */
export type Lookup = (host: string) => Promise<readonly { readonly address: string }[]>;

/** How a dns target looks its name up. */
export interface DnsOptions {
  /**
   * Default: `lookup` of node:dns, which asks as every program of the machine does (hosts file, search domains) and so does not tell
   * how long an answer may be kept: that is why it is asked at an interval.
   */
  readonly lookup?: Lookup;
  /** Between two lookups, ±20 % by chance. Default 30,000. */
  readonly intervalMs?: number;
  /** Between two lookups at least, whatever fails in between, and up to half as much more by chance. Default 5,000, at most the interval. */
  readonly intervalMsMin?: number;
  /** A lookup that takes longer has failed; no other begins while it still runs. Default 5,000. */
  readonly lookupMsMax?: number;
}

/** What a dns target is made of. */
export interface DnsTargetOptions extends DnsOptions {
  readonly address: EndpointAddress;
  readonly clock: Clock;
}

const lookupAll: Lookup = (host) => platformLookup(host, { all: true, order: "verbatim" });

/** The addresses behind a name, looked up again and again: new ones are seen without anything having to break. */
export function createDnsTarget(url: string, options: DnsTargetOptions): Target {
  return { url, authority: addressKey(options.address), watch: (listener) => new DnsWatch(options, listener) };
}

class DnsWatch implements TargetWatch {
  readonly #options: Required<DnsTargetOptions>;
  readonly #listener: TargetListener;
  /** No lookup begins sooner. */
  #earliestMs = -Infinity;
  /** A lookup that has not settled, though it may have been given up. */
  #running = false;
  #closed = false;
  #dueMs = Infinity;
  #cancel: () => void = () => undefined;

  constructor(options: DnsTargetOptions, listener: TargetListener) {
    const { lookup = lookupAll, intervalMs = 30_000, lookupMsMax = 5000 } = options;
    const intervalMsMin = Math.min(options.intervalMsMin ?? 5000, intervalMs);
    this.#options = { ...options, lookup, intervalMs, intervalMsMin, lookupMsMax };
    this.#listener = listener;
    this.#look();
  }

  refresh(): void {
    this.#schedule(Math.max(this.#options.clock.monotonicMs(), this.#earliestMs));
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #look(): void {
    const { clock, intervalMs, intervalMsMin, lookupMsMax } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#earliestMs = nowMs + intervalMsMin * (1 + clock.random() / 2);
    this.#dueMs = Infinity;
    this.#schedule(nowMs + jittered(intervalMs, clock.random));
    // One that hangs holds a thread of the platform's few: a second one would take another.
    if (this.#running) return;
    this.#running = true;
    const stop = clock.after(lookupMsMax, () => this.#failed(new Error(`no answer within ${lookupMsMax} ms`)));
    void this.#ask().finally(() => {
      stop();
      this.#running = false;
    });
  }

  /** One lookup. Never rejects: also what a listener cannot do with the answer is a failure that is told. */
  async #ask(): Promise<void> {
    const { lookup, address } = this.#options;
    try {
      const found = await lookup(address.host);
      this.#found(found.map((one) => one.address));
    } catch (error) {
      this.#failed(error);
    }
  }

  #found(hosts: readonly string[]): void {
    if (this.#closed) return;
    const { port, weight } = this.#options.address;
    if (hosts.length === 0) this.refresh();
    this.#listener.resolved([...new Set(hosts)].sort().map((host) => (weight === undefined ? { host, port } : { host, port, weight })));
  }

  #failed(cause: unknown): void {
    if (this.#closed) return;
    const { host } = this.#options.address;
    const found = cause instanceof Error ? cause.message : String(cause);
    this.refresh();
    this.#listener.failed(fault(kitReasons.TARGET_UNRESOLVED, `Expected addresses of "${host}", found: ${found}.`, { cause }));
  }

  /** The earlier of what is due already and this. */
  #schedule(atMs: number): void {
    if (atMs >= this.#dueMs || this.#closed) return;
    this.#cancel();
    this.#dueMs = atMs;
    this.#cancel = this.#options.clock.after(Math.max(0, atMs - this.#options.clock.monotonicMs()), () => this.#look());
  }
}
