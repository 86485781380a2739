import { fault } from "@weir/kit/fault";
import { createClient } from "@weir/kit/rpc/client";
import type { Release } from "@weir/api/releases";
import { Releases } from "@weir/api/releases";
import type { Share } from "@weir/api/snapshots";
import type { Command, Invocation } from "./command.ts";
import { controlTransport, findCredentials } from "./credentials.ts";
import { cliReasons } from "./reasons.ts";

/** `weir release`: shows releases and moves users. */
export const releaseCommand: Command = {
  name: "release",
  summary: "show releases, begin one, move users between versions",
  help: `
Usage: weir release list
       weir release show SERVICE
       weir release begin SERVICE VERSION --reason WHY
       weir release set SERVICE VERSION=WEIGHT VERSION=WEIGHT --reason WHY

Weights count 1/10000 and sum to 10000.

Example:
  weir release set feed v2=2000 v1=8000 --reason "errors are level"`,
  options: { reason: { type: "string" } },
  async run(invocation) {
    const { positionals, values, io } = invocation;
    const [action = "list", service = "", ...rest] = positionals;
    const releases = createClient(Releases, controlTransport(findCredentials(io)));
    const reason = String(values["reason"] ?? "");
    const call = { timeoutMs: 10_000 };
    switch (action) {
      case "list":
        return print(invocation, (await releases.listReleases({}, call)).releases);
      case "show":
        return print(invocation, [(await releases.getRelease({ service }, call)).release]);
      case "begin":
        return print(invocation, [(await releases.beginRelease({ service, newVersion: rest[0] ?? "", reason }, call)).release]);
      case "set":
        return print(invocation, [(await releases.setWeights({ service, shares: rest.map(shareFrom), reason }, call)).release]);
      default:
        io.err(`weir release: expected list, show, begin or set, found ${JSON.stringify(action)}`);
        return 2;
    }
  },
};

function shareFrom(text: string): Share {
  const [, version, weight] = /^([^=]+)=(\d{1,5})$/.exec(text) ?? [];
  if (version !== undefined) return { version, weight: Number(weight) };
  throw fault(cliReasons.OPTION_INVALID, `expected VERSION=WEIGHT, such as v2=500, found ${JSON.stringify(text)}`);
}

function print({ io, values }: Invocation, releases: readonly (Release | undefined)[]): number {
  for (const release of releases) {
    if (!release) continue;
    const { service, stableVersion, newVersion, newWeight, revision, changedBy, reason } = release;
    if (values["json"] === true) {
      io.out(JSON.stringify({ service, stableVersion, newVersion, newWeight, revision: String(revision), changedBy, reason }));
      continue;
    }
    const split = newVersion === "" ? `${stableVersion} has all users` : `${newVersion} ${percent(newWeight)}, ${stableVersion} ${percent(10_000 - newWeight)}`;
    io.out(`${service}: ${split} (revision ${revision}, by ${changedBy}: ${reason})`);
  }
  return 0;
}

function percent(weight: number): string {
  return `${weight / 100} %`;
}
