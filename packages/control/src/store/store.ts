import { randomBytes } from "node:crypto";
import type { Clock } from "@weir/kit/clock";
import type { Database } from "@weir/kit/store";
import { openDatabase } from "@weir/kit/store";
import { migrate } from "@weir/kit/store/migrate";
import type { AuditHeadRow, ConfigKeysRow, ConfigRow, ControlState, ControlTables, DataPlaneRow, TokenRow } from "../tables.ts";
import { controlMigrations } from "./migrations.ts";

/** Where control keeps what must outlive it. */
export interface Store {
  readonly database: Database<ControlTables>;
  /** Names the database; the audit chain begins with it. */
  readonly databaseId: string;
  /** Names this run of control. Whoever opened the database last owns it; the writes of any other are refused. */
  readonly owner: string;
  /** Everything that a Snapshot is made of, as of one moment. */
  readonly readState: () => Promise<ControlState>;
  /** What control begins with beside that. */
  readonly readStart: () => Promise<StartState>;
  /** The run of control that owns the database now. */
  readonly readOwner: () => Promise<string>;
  /** Lets go of the database. */
  readonly close: () => Promise<void>;
}

/** What is read once, at the start. */
export interface StartState {
  readonly tokens: readonly TokenRow[];
  readonly dataPlanes: readonly DataPlaneRow[];
  /** The end of the audit chain; undefined before the first entry. */
  readonly auditHead: AuditHeadRow | undefined;
  readonly configs: readonly ConfigRow[];
  readonly configKeys: readonly ConfigKeysRow[];
}

/** How the store is opened. */
export interface StoreOptions {
  /** "sqlite:/path/control.db" or "postgres://…", as `openDatabase` of the kit takes it. */
  readonly databaseUrl: string;
  readonly clock: Clock;
}

/**
 * Opens the database, brings its tables up to date and takes it over. Everything answered as done is on the disk: the
 * kit's SQLite syncs at every commit, PostgreSQL by itself. Errors: those of the kit's `openDatabase` and `migrate`.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { clock } = options;
  const database = await openDatabase<ControlTables>({ url: options.databaseUrl, clock });
  try {
    await migrate(database, controlMigrations, { set: "control", clock });
    const owner = randomId();
    const databaseId = await claim(database, { owner, nowMs: clock.nowMs() });
    return {
      database,
      databaseId,
      owner,
      readState: () => readState(database),
      readStart: () => readStart(database),
      readOwner: () => readOwner(database),
      close: () => database.close(),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A name that nobody else has: 128 random bits as hex digits. */
export function randomId(): string {
  return randomBytes(16).toString("hex");
}

async function claim(database: Database<ControlTables>, run: { owner: string; nowMs: number }): Promise<string> {
  return await database.transaction(async (transaction) => {
    const known = await transaction.selectFrom("control_state").select("database_id").where("id", "=", 1).executeTakeFirst();
    if (known) {
      await transaction.updateTable("control_state").set({ owner: run.owner }).where("id", "=", 1).execute();
      return known.database_id;
    }
    const databaseId = randomId();
    const state = { id: 1, database_id: databaseId, epoch: randomId(), owner: run.owner, revision: 1, made_at_ms: run.nowMs };
    await transaction.insertInto("control_state").values(state).execute();
    return databaseId;
  });
}

async function readState(database: Database<ControlTables>): Promise<ControlState> {
  return await database.transaction(async (transaction) => {
    const state = await transaction.selectFrom("control_state").selectAll().where("id", "=", 1).executeTakeFirstOrThrow();
    const instances = await transaction.selectFrom("control_instances").selectAll().orderBy("id").execute();
    const releases = await transaction.selectFrom("control_releases").selectAll().orderBy("service").execute();
    const routes = await transaction.selectFrom("control_routes").selectAll().orderBy("name").execute();
    return { epoch: state.epoch, revision: state.revision, madeAtMs: state.made_at_ms, instances, releases, routes };
  });
}

async function readStart({ query }: Database<ControlTables>): Promise<StartState> {
  return {
    tokens: await query.selectFrom("control_tokens").selectAll().execute(),
    dataPlanes: await query.selectFrom("control_data_planes").selectAll().execute(),
    auditHead: await query.selectFrom("control_audit_head").selectAll().where("id", "=", 1).executeTakeFirst(),
    configs: await query.selectFrom("control_configs").selectAll().execute(),
    configKeys: await query.selectFrom("control_config_keys").selectAll().execute(),
  };
}

async function readOwner({ query }: Database<ControlTables>): Promise<string> {
  const state = await query.selectFrom("control_state").select("owner").where("id", "=", 1).executeTakeFirstOrThrow();
  return state.owner;
}
