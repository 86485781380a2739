import { fault } from "@weir/kit/fault";
import { quoted } from "../quoted.ts";
import { controlReasons } from "../reasons.ts";
import type { ReleaseRow } from "../tables.ts";

/** Weights are counted in this many parts. */
export const weightMax = 10_000;

/** A release without what every change stamps on it. */
export type ReleaseShape = Pick<ReleaseRow, "service" | "stable_version" | "new_version" | "new_weight" | "salt">;

/** Part of the users of a release that a version serves. */
export interface Weight {
  readonly version: string;
  readonly weight: number;
}

/** The release of a service whose first version has come: all users are on it, and there is nothing to move to. */
export function firstRelease(service: string, options: { version: string; salt: string }): ReleaseShape {
  return { service, stable_version: options.version, new_version: "", new_weight: 0, salt: options.salt };
}

/**
 * What a version that registers makes of the release: the second one begins to be released at weight 0, so that no user
 * is moved by it. Undefined when it changes nothing: it is known, or another release is under way.
 */
export function releaseWithVersion(release: ReleaseShape, options: { version: string; salt: string }): ReleaseShape | undefined {
  const { version, salt } = options;
  if (release.new_version !== "" || release.stable_version === version) return undefined;
  return { ...release, new_version: version, new_weight: 0, salt };
}

/**
 * Begins to release a version at weight 0 with a salt of its own, so that others are first this time. When all users are
 * on the new version of before, that one becomes the stable one. Nobody is moved by it.
 * Errors: RELEASE_UNDER_WAY, VERSION_UNKNOWN, VERSION_IS_STABLE.
 */
export function releaseBegun(
  release: ReleaseShape,
  options: { version: string; salt: string; knownVersions: ReadonlySet<string> },
): ReleaseShape {
  const { version, salt, knownVersions } = options;
  if (release.new_weight !== 0 && release.new_weight !== weightMax) {
    const found = `${release.new_version} at ${release.new_weight}`;
    throw fault(controlReasons.RELEASE_UNDER_WAY, `Expected the new version at 0 or ${weightMax}, found ${found}.`);
  }
  if (!knownVersions.has(version)) {
    const known = [...knownVersions].sort().join(", ");
    throw fault(controlReasons.VERSION_UNKNOWN, `Expected a version of ${release.service} (${known}), found ${quoted(version)}.`);
  }
  const stable = release.new_weight === weightMax ? release.new_version : release.stable_version;
  if (version === stable) {
    throw fault(controlReasons.VERSION_IS_STABLE, `Expected another version than ${stable}, which all users are on already.`);
  }
  return { ...release, stable_version: stable, new_version: version, new_weight: 0, salt };
}

/**
 * The release with its weights set. They name the new and the stable version, each once, and sum to 10000.
 * Errors: RELEASE_NOT_UNDER_WAY, VERSION_UNKNOWN, WEIGHTS_INCOMPLETE, WEIGHTS_SUM_INVALID.
 */
export function releaseWithWeights(release: ReleaseShape, weights: readonly Weight[]): ReleaseShape {
  const { service, stable_version: stable, new_version: next } = release;
  const stranger = weights.find(({ version }) => version !== stable && (version !== next || version === ""));
  if (stranger) {
    const known = next === "" ? stable : `${next}, ${stable}`;
    throw fault(
      controlReasons.VERSION_UNKNOWN,
      `Expected the versions of the release of ${service} (${known}), found ${quoted(stranger.version)}.`,
    );
  }
  if (next === "") {
    throw fault(controlReasons.RELEASE_NOT_UNDER_WAY, `Expected a release of ${service} under way, found one version, ${stable}.`);
  }
  const weight = weights.find(({ version }) => version === next)?.weight;
  if (weight === undefined || weights.length !== 2 || !weights.some(({ version }) => version === stable)) {
    const found = weights.map(({ version }) => version).join(", ");
    throw fault(
      controlReasons.WEIGHTS_INCOMPLETE,
      `Expected a weight for ${next} and one for ${stable}, found ${found === "" ? "none" : found}.`,
    );
  }
  const sum = weights.reduce((total, one) => total + one.weight, 0);
  if (sum !== weightMax) {
    throw fault(controlReasons.WEIGHTS_SUM_INVALID, `Expected weights that sum to ${weightMax}, found ${sum}.`);
  }
  return { ...release, new_weight: weight };
}
