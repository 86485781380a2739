import type { Transaction } from "kysely";
import { isName } from "@weir/api/names";
import type { RouteSpec, RoutesHandlers } from "@weir/api/routes";
import { shapeProblem } from "@weir/api/snapshot";
import type { UserIdSource } from "@weir/api/snapshots";
import { snapshotReasons } from "@weir/api";
import { fault } from "@weir/kit/fault";
import type { Database } from "@weir/kit/store";
import { assertMayTouch, callerOf, mayTouch } from "../caller.ts";
import { quoted } from "../quoted.ts";
import { reasonText } from "../reason-text.ts";
import { controlReasons } from "../reasons.ts";
import type { ControlTables, RouteRow } from "../tables.ts";
import { writeOf } from "../write.ts";

/** What the routes work with. */
export interface RoutesOptions {
  readonly database: Database<ControlTables>;
  /** Default 1000. */
  readonly routesMax?: number;
}

const sourcesMax = 8;

/**
 * Routes as people write them. Errors: those of a route's shape (ROUTE_NAME_INVALID …, the catalogue of api),
 * ROUTE_PATH_TAKEN, SERVICE_UNKNOWN, ROUTE_UNKNOWN, ROUTES_TOO_MANY, REASON_MISSING, REASON_TOO_LONG.
 */
export function createRoutes({ database, routesMax = 1000 }: RoutesOptions): RoutesHandlers {
  return {
    async listRoutes(_request, call) {
      const caller = callerOf(call);
      const rows = await database.query.selectFrom("control_routes").selectAll().orderBy("name").execute();
      return { routes: rows.filter(({ service }) => mayTouch(caller, service)).map(specFrom) };
    },
    async putRoute({ route, reason }, call) {
      const row = rowFrom(checkedShape(route));
      const why = reasonText(reason);
      const write = writeOf(call);
      const others = await write.transaction.selectFrom("control_routes").selectAll().execute();
      const before = others.find(({ name }) => name === row.name);
      if (before) assertMayTouch(call, before.service);
      await assertServiceKnown(write.transaction, row.service);
      refuseTaken(row, others);
      if (!before && others.length >= routesMax) {
        throw fault(controlReasons.ROUTES_TOO_MANY, `Expected at most ${routesMax} routes, found as many.`);
      }
      if (before && sameRoute(before, row)) return { revision: BigInt(await revisionOf(write.transaction)) };
      if (before) await write.transaction.updateTable("control_routes").set(row).where("name", "=", row.name).execute();
      else await write.transaction.insertInto("control_routes").values(row).execute();
      write.note({ resource: `route/${row.name}`, from: before && noteOf(before), to: noteOf(row), reason: why });
      return { revision: BigInt(await write.revise()) };
    },
    async deleteRoute({ name, reason }, call) {
      const why = reasonText(reason);
      const write = writeOf(call);
      const before = await write.transaction.selectFrom("control_routes").selectAll().where("name", "=", name).executeTakeFirst();
      if (!before) throw fault(controlReasons.ROUTE_UNKNOWN, `Expected the name of a route, found ${quoted(name)}.`);
      assertMayTouch(call, before.service);
      await write.transaction.deleteFrom("control_routes").where("name", "=", name).execute();
      write.note({ resource: `route/${name}`, from: noteOf(before), reason: why });
      return { revision: BigInt(await write.revise()) };
    },
  };
}

function checkedShape(route: RouteSpec | undefined): RouteSpec {
  if (!route) throw fault(snapshotReasons.ROUTE_NAME_INVALID, "Expected a route, found none.");
  const problem = shapeProblem(route);
  if (problem) throw fault(problem[0], `The route cannot stand: ${problem[1]}.`);
  if (route.userIdSources.length > sourcesMax) {
    const found = route.userIdSources.length;
    throw fault(snapshotReasons.ROUTE_USER_ID_INVALID, `Expected at most ${sourcesMax} places for the user id, found ${found}.`);
  }
  return route;
}

async function assertServiceKnown(transaction: Transaction<ControlTables>, service: string): Promise<void> {
  const known = isName(service)
    ? await transaction.selectFrom("control_releases").select("service").where("service", "=", service).executeTakeFirst()
    : undefined;
  if (!known) throw fault(controlReasons.SERVICE_UNKNOWN, `Expected a service that has registered, found ${quoted(service)}.`);
}

function refuseTaken(row: RouteRow, others: readonly RouteRow[]): void {
  const other = others.find((one) => one.name !== row.name && one.host === row.host && one.path_prefix === row.path_prefix);
  if (!other) return;
  const place = quoted(`${row.host}${row.path_prefix}`);
  throw fault(snapshotReasons.ROUTE_PATH_TAKEN, `Expected a host and path of its own, found ${place} at route ${quoted(other.name)}.`);
}

async function revisionOf(transaction: Transaction<ControlTables>): Promise<number> {
  const state = await transaction.selectFrom("control_state").select("revision").where("id", "=", 1).executeTakeFirstOrThrow();
  return state.revision;
}

function rowFrom(route: RouteSpec): RouteRow {
  // "/films/" and "/films" match the same requests, so they are one place.
  const path = route.pathPrefix.length > 1 ? route.pathPrefix.replace(/\/$/, "") : route.pathPrefix;
  return {
    name: route.name,
    host: route.host,
    path_prefix: path,
    service: route.service,
    user_id_sources: JSON.stringify(route.userIdSources.map(({ source }) => source)),
    timeout_ms: route.timeoutMs,
    idempotent: route.idempotent ? 1 : 0,
  };
}

function specFrom(row: RouteRow): RouteSpec {
  return {
    name: row.name,
    host: row.host,
    pathPrefix: row.path_prefix,
    service: row.service,
    userIdSources: (JSON.parse(row.user_id_sources) as UserIdSource["source"][]).map((source) => ({ source })),
    timeoutMs: row.timeout_ms,
    idempotent: row.idempotent === 1,
  };
}

function sameRoute(left: RouteRow, right: RouteRow): boolean {
  return JSON.stringify(noteOf(left)) === JSON.stringify(noteOf(right));
}

function noteOf(row: RouteRow): Readonly<Record<string, unknown>> {
  const { host, path_prefix: pathPrefix, service, user_id_sources: sources, timeout_ms: timeoutMs } = row;
  return { host, pathPrefix, service, userIdSources: JSON.parse(sources) as unknown, timeoutMs, idempotent: row.idempotent === 1 };
}
