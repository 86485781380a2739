import { sql } from "kysely";
import { randomBytes } from "node:crypto";
import process from "node:process";
import { openDatabase } from "../../store/database.ts";

const address = process.env["WEIR_DATABASE_URL"] ?? "";

/** Why tests on PostgreSQL cannot run; false when they can. */
export const skipPostgres: string | false =
  address === "" ? "needs a PostgreSQL 15+ server: set WEIR_DATABASE_URL=postgres://user:password@host/name" : false;

/** A schema of PostgreSQL that is nobody else's, as the URL of a database, and how to take it away. */
export async function freshSchema(): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const schema = `weir_${randomBytes(6).toString("hex")}`;
  const administrator = await openDatabase<object>({ url: address });
  await sql`create schema ${sql.ref(schema)}`.execute(administrator.query);
  const own = new URL(address);
  own.searchParams.set("options", `-c search_path=${schema}`);
  return {
    url: own.href,
    async drop() {
      await sql`drop schema ${sql.ref(schema)} cascade`.execute(administrator.query);
      await administrator.close();
    },
  };
}
