import { existsSync } from "node:fs";
import { delimiter } from "node:path";

/** A real part that some tests need: found in the environment or on this machine, or not. */
export interface RealPart {
  readonly name: string;
  /** Where it is, without passwords; undefined when it was not found. */
  readonly found: string | undefined;
  /** Variables that the tests are to be given. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where a program is on the PATH or in the folders that Debian keeps off it; undefined when nowhere. */
export function programPath(name: string, path: string = process.env["PATH"] ?? ""): string | undefined {
  const folders = [...path.split(delimiter), "/usr/sbin", "/usr/local/sbin", "/sbin"];
  return folders.map((folder) => `${folder}/${name}`).find((file) => existsSync(file));
}

/** Looks for every real part that a test may ask for. */
export function findRealParts(env: Readonly<Record<string, string | undefined>>): RealPart[] {
  const byVariable = (name: string, variable: string): RealPart => {
    const value = env[variable];
    return { name, found: value === undefined || value === "" ? undefined : withoutPassword(value), env: {} };
  };
  const chromium = env["WEIR_CHROMIUM"] || programPath("chromium") || programPath("google-chrome");
  return [
    byVariable("PostgreSQL", "WEIR_DATABASE_URL"),
    byVariable("Redis", "WEIR_REDIS_URL"),
    { name: "Chromium", found: chromium, env: chromium === undefined ? {} : { WEIR_CHROMIUM: chromium } },
    byVariable("h2spec", "WEIR_H2SPEC"),
    byVariable("connectconformance", "WEIR_CONNECTCONFORMANCE"),
    byVariable("grpc-go's interop client", "WEIR_GRPC_INTEROP_CLIENT"),
    byVariable("grpc-go's interop server", "WEIR_GRPC_INTEROP_SERVER"),
    byVariable("grpcurl", "WEIR_GRPCURL"),
    byVariable("Envoy", "WEIR_ENVOY"),
    ...["nginx", "apache2", "haproxy", "wrk", "curl", "openssl"].map((name) => ({ name, found: programPath(name), env: {} })),
  ];
}

function withoutPassword(url: string): string {
  return url.replace(/:[^:@/]+@/, ":…@");
}
