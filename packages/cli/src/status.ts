import type { InstanceStatus } from "@weir/kit/app/registry";
import { Registry, State } from "@weir/kit/app/registry";
import { createClient } from "@weir/kit/rpc/client";
import type { Transport } from "@weir/kit/rpc/transport";
import type { Release } from "@weir/api/releases";
import { Releases } from "@weir/api/releases";
import type { DataPlane } from "@weir/api/snapshots";
import { Snapshots } from "@weir/api/snapshots";
import type { Command } from "./command.ts";
import { findCredentials, withControl } from "./credentials.ts";
import { releaseText } from "./release.ts";

/** What control knows, at one moment. */
interface Status {
  readonly controlUrl: string;
  readonly revision: bigint;
  readonly dataPlanes: readonly DataPlane[];
  readonly releases: readonly Release[];
  readonly instances: readonly InstanceStatus[];
}

/** `weir status`: releases, data planes and instances at a glance. */
export const statusCommand: Command = {
  name: "status",
  summary: "show releases, data planes and instances at a glance",
  help: `
Usage: weir status

Shows what control knows: the releases, which data planes hold the newest revision or refused parts of it, and the
instances. Exit code 1 when a data plane is behind, away or has refused something, or a service has no instance.

Example:
  weir status --json`,
  options: {},
  async run({ values, io }) {
    const status = await withControl(io, (transport) => statusFrom(transport, findCredentials(io).controlUrl));
    for (const line of values["json"] === true ? [statusJson(status)] : statusLines(status)) io.out(line);
    return isWell(status) ? 0 : 1;
  },
};

async function statusFrom(transport: Transport, controlUrl: string): Promise<Status> {
  const call = { timeoutMs: 10_000 };
  const [{ revision, dataPlanes }, { releases }, { instances }] = await Promise.all([
    createClient(Snapshots, transport).listDataPlanes({}, call),
    createClient(Releases, transport).listReleases({}, call),
    createClient(Registry, transport).listInstances({}, call),
  ]);
  return { controlUrl, revision, dataPlanes, releases, instances };
}

function isWell({ revision, dataPlanes, releases, instances }: Status): boolean {
  return (
    dataPlanes.every((plane) => isUpToDate(plane, revision)) &&
    releases.every(({ service }) => instances.some((status) => serves(status, service)))
  );
}

function isUpToDate(plane: DataPlane, revision: bigint): boolean {
  return plane.connected && plane.acknowledgedRevision === revision && plane.refusals.length === 0;
}

function serves({ instance, live, state }: InstanceStatus, service: string): boolean {
  return live && state === State.SERVING && instance?.service === service;
}

function statusLines({ controlUrl, revision, dataPlanes, releases, instances }: Status): string[] {
  const lines = [`control ${controlUrl}, revision ${revision}`, "", "releases"];
  lines.push(...listed(releases.map(releaseText)), "", "data planes");
  lines.push(
    ...listed(
      dataPlanes.flatMap((plane) => [
        `${plane.name}: ${plane.connected ? "connected" : "away"}, holds revision ${plane.acknowledgedRevision}${plane.acknowledgedRevision === revision ? "" : ` of ${revision}`}`,
        ...plane.refusals.map((refusal) => `  refused ${refusal.resource}: ${refusal.message} [${refusal.reason}]`),
      ]),
    ),
  );
  lines.push("", "instances");
  lines.push(...listed(instances.map(instanceText)));
  return lines;
}

function listed(lines: readonly string[]): string[] {
  return lines.length === 0 ? ["  none"] : lines.map((line) => `  ${line}`);
}

function instanceText({ instance, state, live, heartbeatAgeMs }: InstanceStatus): string {
  return `${instance?.id}: ${instance?.service} ${instance?.version} at ${instance?.address}, ${live ? stateName(state) : "gone"}, heard ${heartbeatAgeMs} ms ago`;
}

function stateName(state: State): string {
  return (Object.entries(State).find(([, value]) => value === state)?.[0] ?? "unknown").toLowerCase();
}

function statusJson({ controlUrl, revision, dataPlanes, releases, instances }: Status): string {
  return JSON.stringify({
    controlUrl,
    revision: String(revision),
    releases: releases.map(({ service, stableVersion, newVersion, newWeight }) => ({ service, stableVersion, newVersion, newWeight })),
    dataPlanes: dataPlanes.map(({ name, connected, acknowledgedRevision, refusals }) => ({
      name,
      connected,
      acknowledgedRevision: String(acknowledgedRevision),
      refusals,
    })),
    instances: instances.map(({ instance, state, live, heartbeatAgeMs }) => ({
      id: instance?.id,
      service: instance?.service,
      version: instance?.version,
      address: instance?.address,
      state: live ? stateName(state) : "gone",
      heartbeatAgeMs,
    })),
  });
}
