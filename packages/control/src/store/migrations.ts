import type { Migration } from "@weir/kit/store/migrate";

/** How control's tables came to be, in order. What has been released is never changed: add to the end. */
export const controlMigrations: readonly Migration[] = [
  {
    name: "001_state",
    up: (db) => [
      db.schema
        .createTable("control_state")
        .addColumn("id", "integer", (column) => column.primaryKey())
        .addColumn("database_id", "text", (column) => column.notNull())
        .addColumn("epoch", "text", (column) => column.notNull())
        .addColumn("owner", "text", (column) => column.notNull())
        .addColumn("revision", "bigint", (column) => column.notNull())
        .addColumn("made_at_ms", "bigint", (column) => column.notNull()),
    ],
  },
  {
    name: "002_audit",
    up: (db) => [
      db.schema
        .createTable("control_audit")
        .addColumn("sequence", "bigint", (column) => column.primaryKey())
        .addColumn("at_ms", "bigint", (column) => column.notNull())
        .addColumn("actor", "text", (column) => column.notNull())
        .addColumn("action", "text", (column) => column.notNull())
        .addColumn("resource", "text", (column) => column.notNull())
        .addColumn("from_json", "text", (column) => column.notNull())
        .addColumn("to_json", "text", (column) => column.notNull())
        .addColumn("reason", "text", (column) => column.notNull())
        .addColumn("outcome", "text", (column) => column.notNull())
        .addColumn("previous_hash", "text", (column) => column.notNull())
        .addColumn("hash", "text", (column) => column.notNull()),
      db.schema.createIndex("control_audit_by_resource").on("control_audit").columns(["resource", "sequence"]),
      db.schema
        .createTable("control_audit_head")
        .addColumn("id", "integer", (column) => column.primaryKey())
        .addColumn("entries", "bigint", (column) => column.notNull())
        .addColumn("hash", "text", (column) => column.notNull()),
    ],
  },
  {
    name: "003_identity",
    up: (db) => [
      db.schema
        .createTable("control_tokens")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("hash", "text", (column) => column.notNull().unique())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("role", "text", (column) => column.notNull())
        .addColumn("services", "text", (column) => column.notNull())
        .addColumn("created_at_ms", "bigint", (column) => column.notNull())
        .addColumn("expires_at_ms", "bigint", (column) => column.notNull())
        .addColumn("revoked_at_ms", "bigint", (column) => column.notNull()),
      db.schema
        .createTable("control_links")
        .addColumn("hash", "text", (column) => column.primaryKey())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("role", "text", (column) => column.notNull())
        .addColumn("expires_at_ms", "bigint", (column) => column.notNull())
        .addColumn("used_at_ms", "bigint", (column) => column.notNull()),
    ],
  },
  {
    name: "004_traffic",
    up: (db) => [
      db.schema
        .createTable("control_instances")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("service", "text", (column) => column.notNull())
        .addColumn("version", "text", (column) => column.notNull())
        .addColumn("address", "text", (column) => column.notNull())
        .addColumn("admin_address", "text", (column) => column.notNull())
        .addColumn("contracts", "text", (column) => column.notNull())
        .addColumn("labels", "text", (column) => column.notNull())
        .addColumn("started_at_ms", "bigint", (column) => column.notNull())
        .addColumn("registered_at_ms", "bigint", (column) => column.notNull())
        .addColumn("state", "text", (column) => column.notNull())
        .addColumn("left_at_ms", "bigint", (column) => column.notNull())
        .addColumn("left_by", "text", (column) => column.notNull())
        .addColumn("gone_at_ms", "bigint", (column) => column.notNull()),
      db.schema.createIndex("control_instances_by_service").on("control_instances").columns(["service", "version"]),
      db.schema
        .createTable("control_releases")
        .addColumn("service", "text", (column) => column.primaryKey())
        .addColumn("stable_version", "text", (column) => column.notNull())
        .addColumn("new_version", "text", (column) => column.notNull())
        .addColumn("new_weight", "integer", (column) => column.notNull())
        .addColumn("salt", "text", (column) => column.notNull())
        .addColumn("revision", "bigint", (column) => column.notNull())
        .addColumn("changed_at_ms", "bigint", (column) => column.notNull())
        .addColumn("changed_by", "text", (column) => column.notNull())
        .addColumn("reason", "text", (column) => column.notNull()),
      db.schema
        .createTable("control_routes")
        .addColumn("name", "text", (column) => column.primaryKey())
        .addColumn("host", "text", (column) => column.notNull())
        .addColumn("path_prefix", "text", (column) => column.notNull())
        .addColumn("service", "text", (column) => column.notNull())
        .addColumn("user_id_sources", "text", (column) => column.notNull())
        .addColumn("timeout_ms", "integer", (column) => column.notNull())
        .addUniqueConstraint("control_routes_place", ["host", "path_prefix"]),
      db.schema
        .createTable("control_data_planes")
        .addColumn("name", "text", (column) => column.primaryKey())
        .addColumn("epoch", "text", (column) => column.notNull())
        .addColumn("revision", "bigint", (column) => column.notNull())
        .addColumn("acknowledged_at_ms", "bigint", (column) => column.notNull())
        .addColumn("refusals", "text", (column) => column.notNull()),
    ],
  },
  {
    name: "005_protocols",
    up: (db) => [
      ...["http2", "grpc_only"].map((name) =>
        db.schema.alterTable("control_instances").addColumn(name, "integer", (column) => column.notNull().defaultTo(0)),
      ),
      db.schema.alterTable("control_routes").addColumn("idempotent", "integer", (column) => column.notNull().defaultTo(0)),
    ],
  },
  {
    name: "006_config",
    up: (db) => [
      db.schema
        .createTable("control_configs")
        .addColumn("service", "text", (column) => column.notNull())
        .addColumn("version", "text", (column) => column.notNull())
        .addColumn("revision", "bigint", (column) => column.notNull())
        .addColumn("stamp", "text", (column) => column.notNull())
        .addColumn("values_json", "text", (column) => column.notNull())
        .addColumn("changed_at_ms", "bigint", (column) => column.notNull())
        .addColumn("changed_by", "text", (column) => column.notNull())
        .addColumn("reason", "text", (column) => column.notNull())
        .addPrimaryKeyConstraint("control_configs_scope", ["service", "version"]),
      db.schema
        .createTable("control_config_keys")
        .addColumn("service", "text", (column) => column.notNull())
        .addColumn("version", "text", (column) => column.notNull())
        .addColumn("keys_json", "text", (column) => column.notNull())
        .addColumn("seen_at_ms", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("control_config_keys_version", ["service", "version"]),
    ],
  },
];
