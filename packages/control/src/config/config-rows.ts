import type { Key } from "@weir/kit/config/configs";
import { Key as KeyMessage } from "@weir/kit/config/configs";
import type { JsonValue } from "@weir/kit/contract";
import type { JsonObject } from "@weir/kit/contract/json";
import { parseJson } from "@weir/kit/contract/json-text";
import type { ConfigKeysRow, ConfigRow } from "../tables.ts";

/** What is set for all instances of a service ("") or for those of one version. */
export interface SetScope {
  readonly service: string;
  readonly version: string;
  /** Of the service, as of the last change here. */
  readonly revision: number;
  /** Made anew with each change: two databases may count the same numbers. */
  readonly stamp: string;
  readonly values: JsonObject;
  readonly changedAtMs: number;
  readonly changedBy: string;
  readonly reason: string;
}

/** The keys that instances of one version take. */
export interface Description {
  readonly service: string;
  readonly version: string;
  readonly keys: readonly Key[];
  readonly seenAtMs: number;
}

/** A scope as it was stored. */
export function scopeFrom(row: ConfigRow): SetScope {
  return {
    service: row.service,
    version: row.version,
    revision: row.revision,
    stamp: row.stamp,
    values: parseJson(row.values_json) as JsonObject,
    changedAtMs: row.changed_at_ms,
    changedBy: row.changed_by,
    reason: row.reason,
  };
}

/** A scope as it is stored. */
export function rowFrom(scope: SetScope): ConfigRow {
  return {
    service: scope.service,
    version: scope.version,
    revision: scope.revision,
    stamp: scope.stamp,
    values_json: JSON.stringify(scope.values),
    changed_at_ms: scope.changedAtMs,
    changed_by: scope.changedBy,
    reason: scope.reason,
  };
}

/** A description as it was stored. */
export function descriptionFrom(row: ConfigKeysRow): Description {
  const keys = (parseJson(row.keys_json) as JsonValue[]).map((json) => KeyMessage.fromJson(json));
  return { service: row.service, version: row.version, keys, seenAtMs: row.seen_at_ms };
}

/** A description as it is stored. */
export function keysRowFrom({ service, version, keys, seenAtMs }: Description): ConfigKeysRow {
  return { service, version, keys_json: `[${keys.map((key) => KeyMessage.toJson(key)).join(",")}]`, seen_at_ms: seenAtMs };
}
