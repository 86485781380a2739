/** What control keeps, table by table. Times are milliseconds since 1970, 0 for never; lists are JSON text. */
export interface ControlTables {
  control_state: StateRow;
  control_instances: InstanceRow;
  control_routes: RouteRow;
  control_releases: ReleaseRow;
  control_tokens: TokenRow;
  control_links: LinkRow;
  control_audit: AuditRow;
  control_audit_head: AuditHeadRow;
  control_data_planes: DataPlaneRow;
  control_configs: ConfigRow;
  control_config_keys: ConfigKeysRow;
}

/** The one row that counts. `owner` is the running control that may write: the one that started last. */
export interface StateRow {
  readonly id: number;
  /** Names the database for its whole life; the audit chain begins with it. */
  readonly database_id: string;
  readonly epoch: string;
  readonly owner: string;
  readonly revision: number;
  readonly made_at_ms: number;
}

/** Where an instance is in its life. Only SERVING takes requests. */
export type InstanceState = "STARTING" | "SERVING" | "DRAINING" | "GONE";

/** An instance that is or was registered. Heartbeats are not kept, only what changes. */
export interface InstanceRow {
  readonly id: string;
  readonly service: string;
  readonly version: string;
  readonly address: string;
  readonly admin_address: string;
  readonly contracts: string;
  readonly labels: string;
  readonly started_at_ms: number;
  readonly registered_at_ms: number;
  readonly state: InstanceState;
  /** When it stopped serving; 0 while it serves or when it never has. */
  readonly left_at_ms: number;
  /** How it stopped serving: its lease ran out, or it said goodbye. "" while it serves or when it never has. */
  readonly left_by: "" | "lease" | "goodbye";
  /** Since when it is GONE; 0 before. */
  readonly gone_at_ms: number;
  /** 1 when it takes HTTP/2 beside HTTP/1.1, else 0. */
  readonly http2: number;
  /** 1 when it speaks gRPC and nothing else, else 0. */
  readonly grpc_only: number;
}

/** A route as people write it. */
export interface RouteRow {
  readonly name: string;
  readonly host: string;
  readonly path_prefix: string;
  readonly service: string;
  /** JSON: a list of `{ "case": "header", "value": "x-user-id" }`. */
  readonly user_id_sources: string;
  readonly timeout_ms: number;
  /** 1 when every request of it may be sent twice, else 0. */
  readonly idempotent: number;
}

/** The release of a service; there is one for every service that has ever registered. */
export interface ReleaseRow {
  readonly service: string;
  readonly stable_version: string;
  readonly new_version: string;
  readonly new_weight: number;
  readonly salt: string;
  readonly revision: number;
  readonly changed_at_ms: number;
  readonly changed_by: string;
  readonly reason: string;
}

/** The roles as they are stored; the numbers of the contract may grow, these words stay. */
export type RoleName = "viewer" | "operator" | "admin" | "instance" | "data_plane";

/** A token without its text, of which only the SHA-256 is known. */
export interface TokenRow {
  readonly id: string;
  readonly hash: string;
  readonly name: string;
  readonly role: RoleName;
  /** JSON: names of the services it is limited to; empty for all. */
  readonly services: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  readonly revoked_at_ms: number;
}

/** A one-time link, of whose code only the SHA-256 is known. */
export interface LinkRow {
  readonly hash: string;
  readonly name: string;
  readonly role: RoleName;
  readonly expires_at_ms: number;
  readonly used_at_ms: number;
}

/** One link of the audit chain. */
export interface AuditRow {
  readonly sequence: number;
  readonly at_ms: number;
  readonly actor: string;
  readonly action: string;
  readonly resource: string;
  readonly from_json: string;
  readonly to_json: string;
  readonly reason: string;
  readonly outcome: string;
  readonly previous_hash: string;
  readonly hash: string;
}

/** The one row that says how long the chain is and how it ends, so that a cut tail is seen. */
export interface AuditHeadRow {
  readonly id: number;
  readonly entries: number;
  readonly hash: string;
}

/** What a data plane last said that it holds. */
export interface DataPlaneRow {
  readonly name: string;
  readonly epoch: string;
  readonly revision: number;
  readonly acknowledged_at_ms: number;
  /** JSON: a list of Refusal. */
  readonly refusals: string;
}

/** What is set for the instances of a service: for all of them (version "") or for those of one version. */
export interface ConfigRow {
  readonly service: string;
  readonly version: string;
  /** Of the service; each change of any of its rows raises it. */
  readonly revision: number;
  /** Made anew with each change. */
  readonly stamp: string;
  /** JSON object by the full names of keys, secrets as they are. */
  readonly values_json: string;
  readonly changed_at_ms: number;
  readonly changed_by: string;
  readonly reason: string;
}

/** The keys that instances of one version said they take. */
export interface ConfigKeysRow {
  readonly service: string;
  readonly version: string;
  /** JSON list, each item a weir.config.v1.Key in its JSON form. */
  readonly keys_json: string;
  readonly seen_at_ms: number;
}

/** Everything a Snapshot is made of. */
export interface ControlState {
  readonly epoch: string;
  readonly revision: number;
  readonly madeAtMs: number;
  readonly instances: readonly InstanceRow[];
  readonly releases: readonly ReleaseRow[];
  readonly routes: readonly RouteRow[];
}
