import { isAddress, isName, isVersion } from "@weir/api/names";
import type { InstanceView } from "@weir/api/releases";
import type { Instance } from "@weir/kit/app/registry";
import { State } from "@weir/kit/app/registry";
import { parseJson } from "@weir/kit/contract/json-text";
import { fault } from "@weir/kit/fault";
import { quoted } from "../quoted.ts";
import { controlReasons } from "../reasons.ts";
import type { InstanceRow, InstanceState } from "../tables.ts";

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/;
const labelPattern = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/;
const contractPattern = /^[A-Za-z_][A-Za-z0-9_.]{0,255}$/;
const contractsMax = 64;
const labelsMax = 32;
const labelCharactersMax = 256;

const states: readonly (readonly [State, InstanceState])[] = [
  [State.STARTING, "STARTING"],
  [State.SERVING, "SERVING"],
  [State.DRAINING, "DRAINING"],
];

/** The stored word for a state of the contract; undefined when none was said. */
export function stateNameFrom(state: State): InstanceState | undefined {
  return states.find(([number]) => number === state)?.[1];
}

/** The state of the contract for a stored word; GONE has none. */
export function stateFrom(name: InstanceState): State {
  return states.find(([, word]) => word === name)?.[0] ?? State.UNSPECIFIED;
}

/** The row of an instance that registers. Rejects with INSTANCE_INVALID, naming the field. */
export function rowFrom(instance: Instance | undefined, about: { state: State; nowMs: number }): InstanceRow {
  if (!instance) throw invalid("instance", "an instance", "none");
  const state = stateNameFrom(about.state);
  if (state === undefined) throw invalid("state", "STATE_STARTING, STATE_SERVING or STATE_DRAINING", "none");
  if (!idPattern.test(instance.id)) throw invalid("id", "1 to 128 letters, digits and ._:@-", quoted(instance.id));
  if (!isName(instance.service)) throw invalid("service", "1 to 63 of a-z, 0-9, dot and dash", quoted(instance.service));
  if (!isVersion(instance.version)) throw invalid("version", "1 to 63 letters, digits and ._+-", quoted(instance.version));
  if (!isAddress(instance.address)) throw invalid("address", "host:port", quoted(instance.address));
  if (instance.adminAddress !== "" && !isAddress(instance.adminAddress)) {
    throw invalid("admin_address", "host:port or nothing", quoted(instance.adminAddress));
  }
  if (instance.startedAtMs < 0n || instance.startedAtMs > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw invalid("started_at_ms", "milliseconds since 1970", String(instance.startedAtMs));
  }
  return {
    id: instance.id,
    service: instance.service,
    version: instance.version,
    address: instance.address,
    admin_address: instance.adminAddress,
    contracts: JSON.stringify(checkedContracts(instance.contracts)),
    labels: JSON.stringify(checkedLabels(instance.labels)),
    started_at_ms: Number(instance.startedAtMs),
    registered_at_ms: about.nowMs,
    state,
    left_at_ms: 0,
    left_by: "",
    gone_at_ms: 0,
    http2: instance.http2 ? 1 : 0,
    grpc_only: instance.grpcOnly ? 1 : 0,
  };
}

/** The instance of a row, as it registered. */
export function instanceFrom(row: InstanceRow): Instance {
  return {
    id: row.id,
    service: row.service,
    version: row.version,
    address: row.address,
    adminAddress: row.admin_address,
    contracts: JSON.parse(row.contracts) as string[],
    startedAtMs: BigInt(row.started_at_ms),
    labels: parseJson(row.labels) as Instance["labels"],
    http2: row.http2 === 1,
    grpcOnly: row.grpc_only === 1,
  };
}

/** An instance as the release page shows it. */
export function viewFrom(row: InstanceRow, heardAtMs: number): InstanceView {
  return {
    id: row.id,
    version: row.version,
    address: row.address,
    state: row.state,
    startedAtMs: BigInt(row.started_at_ms),
    lastHeardAtMs: BigInt(heardAtMs),
  };
}

/** What of an instance the audit notes. */
export function noteOf(row: InstanceRow): Readonly<Record<string, unknown>> {
  const { service, version, address, state } = row;
  return { service, version, address, state };
}

/** Whether registering again with this changes nothing. */
export function sameInstance(left: InstanceRow, right: InstanceRow): boolean {
  const same: readonly (keyof InstanceRow)[] = [
    "service",
    "version",
    "address",
    "admin_address",
    "contracts",
    "labels",
    "started_at_ms",
    "state",
    "http2",
    "grpc_only",
  ];
  return same.every((field) => left[field] === right[field]);
}

/** The row once its instance is in another state. It remembers when and how it stopped serving. */
export function rowInState(row: InstanceRow, to: { state: InstanceState; by: "lease" | "goodbye"; nowMs: number }): InstanceRow {
  const { state, by, nowMs } = to;
  const gone = { gone_at_ms: state === "GONE" ? nowMs : 0 };
  if (state === "SERVING") return { ...row, ...gone, state, left_at_ms: 0, left_by: "" };
  if (row.state === "SERVING") return { ...row, ...gone, state, left_at_ms: nowMs, left_by: by };
  return { ...row, ...gone, state };
}

function checkedContracts(contracts: readonly string[]): readonly string[] {
  if (contracts.length > contractsMax) throw invalid("contracts", `at most ${contractsMax}`, String(contracts.length));
  const bad = contracts.find((contract) => !contractPattern.test(contract));
  if (bad !== undefined) throw invalid("contracts", "full names of contracts", quoted(bad));
  return contracts;
}

function checkedLabels(labels: Instance["labels"]): Instance["labels"] {
  const entries = Object.entries(labels);
  if (entries.length > labelsMax) throw invalid("labels", `at most ${labelsMax}`, String(entries.length));
  for (const [name, value] of entries) {
    if (!labelPattern.test(name)) throw invalid("labels", "names of 1 to 63 letters, digits and ._/-", quoted(name));
    if (value.length > labelCharactersMax)
      throw invalid("labels", `at most ${labelCharactersMax} characters for ${name}`, String(value.length));
  }
  return Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function invalid(field: string, expected: string, found: string): Error {
  return fault(controlReasons.INSTANCE_INVALID, `Expected ${expected} as ${field} of the instance, found ${found}.`);
}
