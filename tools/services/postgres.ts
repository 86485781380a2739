import { createHash } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { programPath } from "../check/real-parts.ts";
import type { Say } from "./host.ts";
import { freePort, isRoot, runCommand, ServiceError, succeeds } from "./host.ts";
import type { ServiceState } from "./state.ts";
import { newPassword, readState, servicesFolder, writeState } from "./state.ts";

const versionMin = 15;
const portWanted = 55432;
/** PostgreSQL refuses to run as root, so there Debian's own user runs it. */
const systemUser = "postgres";

/** Folder of PostgreSQL's programs, newest version first, or undefined when none of 15 or newer is installed. */
export function postgresPrograms(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).map(Number) : [];
  const newest = Math.max(0, ...versions.filter((version) => existsSync(`${debian}/${version}/bin/initdb`)));
  if (newest >= versionMin) return `${debian}/${newest}/bin`;
  const found = programPath("initdb");
  return found === undefined ? undefined : dirname(found);
}

function databaseUrl(state: ServiceState): string {
  return `postgres://weir:${state.password}@127.0.0.1:${state.port}/weir`;
}

/** The address of the running server; undefined when it does not run. */
export async function postgresUrl(root: string): Promise<string | undefined> {
  const [state, programs] = [readState(root, "postgres"), postgresPrograms()];
  if (state === undefined || programs === undefined || !existsSync(state.folder)) return undefined;
  const runs = await succeeds(`${programs}/pg_ctl`, ["status", "-D", state.folder], { user: systemUser });
  return runs ? databaseUrl(state) : undefined;
}

/** Starts the server, making its data folder first when there is none; answers its address once it takes connections. */
export async function startPostgres(root: string, say: Say): Promise<string> {
  const running = await postgresUrl(root);
  if (running !== undefined) return running;
  const programs = postgresPrograms();
  if (programs === undefined) throw new ServiceError(`expected PostgreSQL ${versionMin} or newer, found none`);
  const before = readState(root, "postgres");
  const state: ServiceState = {
    folder: before?.folder ?? (await dataFolder(root)),
    port: await freePort(before?.port ?? portWanted),
    password: before?.password ?? newPassword(),
  };
  if (!existsSync(`${state.folder}/PG_VERSION`)) await initialise(programs, state, say);
  writeState(root, "postgres", state);
  say(`starting PostgreSQL on 127.0.0.1:${state.port} …`);
  const settings = `-c listen_addresses=127.0.0.1 -c port=${state.port} -c unix_socket_directories= -c max_connections=200`;
  const start = ["start", "-w", "-t", "60", "-D", state.folder, "-l", `${state.folder}/server.log`, "-o", settings];
  await runCommand(`${programs}/pg_ctl`, start, { user: systemUser, timeoutMs: 90_000 });
  await createDatabase(programs, state);
  return databaseUrl(state);
}

/** Stops the server and leaves its data. */
export async function stopPostgres(root: string): Promise<boolean> {
  const [state, programs] = [readState(root, "postgres"), postgresPrograms()];
  if (state === undefined || programs === undefined || (await postgresUrl(root)) === undefined) return false;
  await runCommand(`${programs}/pg_ctl`, ["stop", "-w", "-m", "fast", "-D", state.folder], { user: systemUser });
  return true;
}

/** Below the checkout; in the temporary folder when the user that runs the server cannot get there. */
async function dataFolder(root: string): Promise<string> {
  const inside = `${servicesFolder(root)}/postgres`;
  mkdirSync(servicesFolder(root), { recursive: true });
  if (!isRoot() || (await succeeds("test", ["-x", servicesFolder(root)], { user: systemUser }))) return inside;
  return `${tmpdir()}/weir-postgres-${createHash("sha256").update(root).digest("hex").slice(0, 8)}`;
}

async function initialise(programs: string, state: ServiceState, say: Say): Promise<void> {
  say("making a database folder …");
  rmSync(state.folder, { recursive: true, force: true });
  mkdirSync(state.folder, { recursive: true, mode: 0o700 });
  const passwordPath = `${state.folder}.password`;
  writeFileSync(passwordPath, state.password, { mode: 0o600 });
  try {
    if (isRoot()) {
      const ids = await runCommand("id", ["-u", systemUser]);
      const group = await runCommand("id", ["-g", systemUser]);
      for (const path of [state.folder, passwordPath]) chownSync(path, Number(ids), Number(group));
    }
    chmodSync(state.folder, 0o700);
    const options = ["-U", "weir", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", `--pwfile=${passwordPath}`];
    await runCommand(`${programs}/initdb`, ["-D", state.folder, ...options], { user: systemUser });
  } finally {
    rmSync(passwordPath, { force: true });
  }
}

async function createDatabase(programs: string, state: ServiceState): Promise<void> {
  const env = { PGPASSWORD: state.password, PGHOST: "127.0.0.1", PGPORT: `${state.port}`, PGUSER: "weir" };
  const query = "select 1 from pg_database where datname = 'weir'";
  const found = await runCommand(`${programs}/psql`, ["-d", "postgres", "-Atc", query], { env });
  if (found.trim() !== "1") await runCommand(`${programs}/createdb`, ["weir"], { env });
}
