import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { JsonValue } from "@weir/kit/contract";
import { validateSnapshot } from "@weir/api/snapshot";
import { Snapshot } from "@weir/api/snapshots";
import type { ControlState, InstanceRow, ReleaseRow, RouteRow } from "../tables.ts";
import { snapshotFrom } from "./translate.ts";

/** A fixture says what it shows, then holds the state and the Snapshot that it means, each after a line of its own. */
interface Fixture {
  readonly about: string;
  readonly state: ControlState;
  readonly snapshot: Snapshot;
  /** Resources that a data plane refuses of it. */
  readonly refused: string[];
}

const folder = new URL("fixtures/", import.meta.url);

const instanceDefaults: Omit<InstanceRow, "id"> = {
  service: "feed",
  version: "v1",
  address: "",
  admin_address: "",
  contracts: "[]",
  labels: "{}",
  started_at_ms: 1,
  registered_at_ms: 1,
  state: "SERVING",
  left_at_ms: 0,
  left_by: "",
  gone_at_ms: 0,
  http2: 0,
  grpc_only: 0,
};
const releaseDefaults = { new_version: "", new_weight: 0, salt: "s", revision: 1, changed_at_ms: 1, changed_by: "ada", reason: "r" };
const routeDefaults = { host: "", user_id_sources: "[]", timeout_ms: 0, idempotent: 0 };

function fixtureFrom(text: string): Fixture {
  const [, about = "", input = "", output = "", refused = ""] =
    /^([^]*?)\n--- state\n([^]*?)\n--- snapshot\n([^]*?)(?:\n--- refused\n([^]*))?$/.exec(text) ?? [];
  const state = JSON.parse(input) as {
    instances: Pick<InstanceRow, "id">[];
    releases: Pick<ReleaseRow, "service" | "stable_version">[];
    routes: Pick<RouteRow, "name" | "path_prefix" | "service">[];
  };
  return {
    about: about.trim(),
    state: {
      epoch: "e1",
      revision: 7,
      madeAtMs: 1000,
      instances: state.instances.map((row) => ({ ...instanceDefaults, address: `${row.id}.local:80`, ...row })),
      releases: state.releases.map((row) => ({ ...releaseDefaults, ...row })),
      routes: state.routes.map((row) => ({ ...routeDefaults, ...row })),
    },
    snapshot: Snapshot.fromJson(JSON.parse(output) as JsonValue),
    refused: refused.split("\n").filter((line) => line !== ""),
  };
}

for (const name of readdirSync(folder).sort()) {
  const fixture = fixtureFrom(readFileSync(new URL(name, folder), "utf8"));

  test(`translate: ${fixture.about}`, () => {
    const expected = { ...fixture.snapshot, revision: 7n, epoch: "e1", madeAtMs: 1000n };
    assert.deepEqual(snapshotFrom(fixture.state), expected);
  });

  test(`translate does not depend on the order of rows: ${name}`, () => {
    const { instances, releases, routes } = fixture.state;
    const turned = { ...fixture.state, instances: instances.toReversed(), releases: releases.toReversed(), routes: routes.toReversed() };
    assert.deepEqual(snapshotFrom(turned), snapshotFrom(fixture.state));
  });

  test(`translate gives what a data plane takes: ${name}`, () => {
    const { refusals } = validateSnapshot(snapshotFrom(fixture.state), undefined);
    assert.deepEqual(
      refusals.map(({ resource, reason }) => `${resource} ${reason}`),
      fixture.refused,
    );
  });
}
