import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

/** One entry of package-lock.json, as far as we look. */
export interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [other: string]: unknown;
}

/** package-lock.json, as far as we look. */
export interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>;
  readonly [other: string]: unknown;
}

/** Optional packages that some package names and the lock file does not hold, each with who names it. */
function missingFrom(lock: Lock): Map<string, { version: string; parent: LockEntry }> {
  const names = new Set(Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)));
  const missing = new Map<string, { version: string; parent: LockEntry }>();
  for (const parent of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (!names.has(name)) missing.set(name, { version, parent });
    }
  }
  return missing;
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

/** The platform that a package's name tells; undefined when it tells none. */
function platformFrom(name: string): Record<string, string[]> | undefined {
  const system = systems.find((one) => new RegExp(`\\b${one}\\b`).test(name));
  const processor = processors.find((one) => new RegExp(`[-/_]${one}(v\\d)?\\b`).test(name));
  if (system === undefined || processor === undefined) return undefined;
  const libc = /musl/.test(name) ? ["musl"] : system === "linux" && /gnu/.test(name) ? ["glibc"] : undefined;
  return { cpu: [processor], ...(libc && processor !== "arm" ? { libc } : {}), os: [system] };
}

/**
 * A lock file with an entry for every optional package of another platform. npm leaves out those that the registry in
 * use does not have, and `npm ci` then refuses the whole file, also on platforms that need none of them.
 */
export function completedLock(lock: Lock): Lock {
  const packages: Record<string, LockEntry> = { ...lock.packages };
  for (const [name, { version, parent }] of missingFrom(lock)) {
    const platform = platformFrom(name);
    if (platform === undefined || !/^\d+\.\d+\.\d+/.test(version)) continue;
    const { cpu, ...rest } = platform;
    packages[`node_modules/${name}`] = { version, cpu, ...(parent.dev ? { dev: true } : {}), optional: true, ...rest };
  }
  const sorted = Object.entries(packages).toSorted(([left], [right]) => left.localeCompare(right, "en"));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

/** The lock file holds every optional package that it speaks of, and names no host. */
export function lockRule(tree: Tree): Violation[] {
  const text = tree.texts.get("package-lock.json");
  if (text === undefined) return [];
  const lock = JSON.parse(text) as Lock;
  const found: Violation[] = [...missingFrom(lock).keys()].map((name) => {
    const message = `${name} has no entry, so npm ci refuses the file: node tools/lock.ts`;
    return { rule: "lock", path: "package-lock.json", line: 0, message };
  });
  if (/"resolved": "https?:/.test(text))
    found.push({ rule: "lock", path: "package-lock.json", line: 0, message: "names the host of a registry" });
  return found;
}
