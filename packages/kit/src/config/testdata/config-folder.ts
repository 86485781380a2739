import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogFields, Logger } from "../../call.ts";
import type { Config } from "../config.ts";
import { createConfig } from "../config.ts";
import { fileSource } from "../file-source.ts";
import type { ConfigKey } from "../key.ts";
import { durationMs, integer, secret, text } from "../key.ts";

/** What the files of these tests hold. */
export const folderSchema: { "cache.ttlMs": ConfigKey<number>; "cache.entriesMax": ConfigKey<number>; password: ConfigKey<string> } = {
  "cache.ttlMs": durationMs({ default: 1 }),
  "cache.entriesMax": integer({ default: 1, min: 1 }),
  password: secret(text({ default: "" })),
};

/** A folder of its own with a configuration that follows the file in it. */
export interface ConfigFolder extends AsyncDisposable {
  readonly folder: string;
  /** "config.json" in the folder. */
  readonly path: string;
  readonly config: Config<typeof folderSchema>;
  /** Each value of cache.ttlMs that came into force, in order. */
  readonly seen: readonly number[];
  /** What was logged, message and fields in one. */
  readonly lines: readonly string[];
  /** Why the newest offer was refused; "" when it was not. */
  refusal(): string;
  state(): string;
}

/** Begins with this file: a text, or whatever the function makes of the folder. */
export async function openFolder(
  initial: string | ((folder: string) => Promise<void>),
  { pollMs = 60_000, quietMs = 20 }: { pollMs?: number; quietMs?: number } = {},
): Promise<ConfigFolder> {
  const folder = await mkdtemp(join(tmpdir(), "weir-config-"));
  const path = join(folder, "config.json");
  if (typeof initial === "string") await writeFile(path, initial);
  else await initial(folder);
  const lines: string[] = [];
  const seen: number[] = [];
  const config = await createConfig({
    schema: folderSchema,
    sources: [fileSource({ path, quietMs, pollMs, bytesMax: 100_000 })],
    log: logInto(lines),
  });
  config.subscribe(["cache.ttlMs"], (now) => void seen.push(now["cache.ttlMs"]));
  return {
    folder,
    path,
    config,
    seen,
    lines,
    refusal: () => {
      const { refused } = config.explain().sources[0] ?? {};
      return (refused?.problems ?? []).map(({ key, expected, found }) => `${key}|${expected}|${found}`).join("\n");
    },
    state: () => config.explain().sources[0]?.state ?? "",
    async [Symbol.asyncDispose]() {
      await config.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function logInto(lines: string[]): Logger {
  const write = (message: string, fields: LogFields = {}): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { debug: write, info: write, warn: write, error: write, with: () => log };
  return log;
}

/** A whole file with one value. */
export function fileOf(ttlMs: number | string): string {
  return JSON.stringify({ cache: { ttlMs } });
}
