import { fault } from "@weir/kit/fault";
import { createClient } from "@weir/kit/rpc/client";
import { bucketCount } from "@weir/api/bucket";
import type { ReleasesClient } from "@weir/api/releases";
import { Release, Releases } from "@weir/api/releases";
import type { Share } from "@weir/api/snapshots";
import type { Command, Invocation } from "./command.ts";
import { withControl } from "./credentials.ts";
import { cliReasons } from "./reasons.ts";

/** `weir release`: shows releases and moves users. */
export const releaseCommand: Command = {
  name: "release",
  summary: "show releases, begin one, move users between versions",
  help: `
Usage: weir release list
       weir release show SERVICE
       weir release begin SERVICE VERSION --reason WHY
       weir release set SERVICE VERSION=PERCENT --reason WHY

"set" gives one version so many percent of the users (at most two digits after the point) and the other the rest.

Example:
  weir release set feed v2=20 --reason "errors are level"`,
  options: { reason: { type: "string" } },
  run: (invocation) => withControl(invocation.io, (transport) => runRelease(invocation, createClient(Releases, transport))),
};

async function runRelease(invocation: Invocation, releases: ReleasesClient): Promise<number> {
  const { positionals, values, io } = invocation;
  const [action = "list", service = "", ...rest] = positionals;
  const reason = String(values["reason"] ?? "");
  const call = { timeoutMs: 10_000 };
  switch (action) {
    case "list":
      return print(invocation, (await releases.listReleases({}, call)).releases);
    case "show":
      return print(invocation, [(await releases.getRelease({ service }, call)).release]);
    case "begin":
      return print(invocation, [(await releases.beginRelease({ service, newVersion: rest[0] ?? "", reason }, call)).release]);
    case "set": {
      const given = rest.map(shareFrom);
      const { release } = await releases.getRelease({ service }, call);
      const shares = sharesFrom(given, release);
      return print(invocation, [(await releases.setWeights({ service, shares, reason }, call)).release]);
    }
    default:
      io.err(`weir release: expected list, show, begin or set, found ${JSON.stringify(action)}`);
      return 2;
  }
}

/** "v2=20" and "v2=12.5%" are a version and its percent; a weight counts hundredths of that. */
function shareFrom(text: string): Share {
  const [, version, percent] = /^([^=]+)=(\d{1,3}(?:\.\d{1,2})?)%?$/.exec(text) ?? [];
  const weight = Math.round(Number(percent) * 100);
  if (version !== undefined && weight <= bucketCount) return { version, weight };
  throw fault(cliReasons.OPTION_INVALID, `expected VERSION=PERCENT, from 0 to 100, such as v2=20, found ${JSON.stringify(text)}`);
}

/** Who names one version of a release leaves the rest to the other; who names more is taken at their word. */
function sharesFrom(given: readonly Share[], release: Release | undefined): Share[] {
  const [only, ...more] = given;
  if (only === undefined) throw fault(cliReasons.OPTION_INVALID, "expected VERSION=PERCENT, such as v2=20, found nothing");
  const other = [release?.stableVersion, release?.newVersion].find((version) => version !== undefined && version !== only.version);
  if (more.length > 0 || other === undefined || other === "") return [...given];
  return [only, { version: other, weight: bucketCount - only.weight }];
}

function print({ io, values }: Invocation, releases: readonly (Release | undefined)[]): number {
  for (const release of releases) {
    if (release) io.out(values["json"] === true ? Release.toJson(release) : releaseText(release));
  }
  return 0;
}

/** One line for people: who has how many users, since when and why. */
export function releaseText({ service, stableVersion, newVersion, newWeight, revision, changedBy, reason }: Release): string {
  const split =
    newVersion === ""
      ? `${stableVersion} has all users`
      : `${newVersion} ${percentText(newWeight)}, ${stableVersion} ${percentText(bucketCount - newWeight)}`;
  return `${service}: ${split} (revision ${revision}, by ${changedBy}: ${reason})`;
}

function percentText(weight: number): string {
  return `${weight / 100} %`;
}
