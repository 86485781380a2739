import { sql, type Transaction } from "kysely";
import pg from "pg";
import type { DatabaseChanges, DriverOptions } from "./database.ts";

const reconnectMsMin = 50;
const reconnectMsMax = 2000;

/**
 * News of commits by LISTEN and NOTIFY (https://www.postgresql.org/docs/15/sql-notify.html). One connection listens for all who watch;
 * it is made anew when it breaks, and everybody is told then, because what was announced meanwhile nobody heard.
 */
export class PostgresChanges implements DatabaseChanges {
  readonly #url: string;
  readonly #options: DriverOptions;
  readonly #watchers = new Map<string, Set<() => void>>();
  #client: pg.Client | undefined;
  #isConnecting = false;
  #attempts = 0;
  #stopTimer: (() => void) | undefined;

  constructor(url: string, options: DriverOptions) {
    this.#url = url;
    this.#options = options;
  }

  async announce<T>(transaction: Transaction<T>, channel: string): Promise<void> {
    await sql`select pg_notify(${channel}, '')`.execute(transaction);
  }

  watch(channel: string, changed: () => void): () => void {
    // A wrapper, so that one function may watch twice.
    const watcher = (): void => changed();
    const known = this.#watchers.get(channel);
    if (known) known.add(watcher);
    else {
      this.#watchers.set(channel, new Set([watcher]));
      const client = this.#client;
      if (client) listen(client, channel).then(watcher, () => this.#lost(client));
      else void this.#connect();
    }
    return () => {
      const here = this.#watchers.get(channel);
      here?.delete(watcher);
      if (here?.size === 0) this.#watchers.delete(channel);
      if (this.#watchers.size === 0) this.#leave();
    };
  }

  /** What was announced comes back by the connection that listens. */
  committed(): void {}

  close(): void {
    this.#watchers.clear();
    this.#leave();
  }

  #tell(channel: string): void {
    for (const changed of this.#watchers.get(channel) ?? []) changed();
  }

  async #connect(): Promise<void> {
    if (this.#client || this.#isConnecting || this.#watchers.size === 0) return;
    this.#isConnecting = true;
    const { waitMsMax } = this.#options;
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: "weir watch",
      connectionTimeoutMillis: waitMsMax,
      query_timeout: waitMsMax,
      keepAlive: true,
    });
    client.on("error", () => this.#lost(client)).on("end", () => this.#lost(client));
    client.on("notification", ({ channel }) => this.#tell(channel));
    try {
      await client.connect();
      for (const channel of this.#watchers.keys()) await listen(client, channel);
      this.#client = client;
      this.#attempts = 0;
      for (const channel of this.#watchers.keys()) this.#tell(channel);
    } catch {
      void client.end().catch(() => undefined);
      this.#connectLater();
    } finally {
      this.#isConnecting = false;
    }
    if (this.#watchers.size === 0) this.#leave();
  }

  #connectLater(): void {
    if (this.#watchers.size === 0) return;
    const { clock } = this.#options;
    const pauseMs = Math.min(reconnectMsMax, reconnectMsMin * 2 ** this.#attempts++) * (0.5 + clock.random() / 2);
    this.#stopTimer = clock.after(pauseMs, () => void this.#connect());
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    void client.end().catch(() => undefined);
    this.#connectLater();
  }

  #leave(): void {
    this.#stopTimer?.();
    const client = this.#client;
    this.#client = undefined;
    void client?.end().catch(() => undefined);
  }
}

async function listen(client: pg.Client, channel: string): Promise<void> {
  await client.query(`listen ${client.escapeIdentifier(channel)}`);
}
