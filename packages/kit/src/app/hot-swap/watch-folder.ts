import { watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import { systemClock } from "../../clock.ts";
import type { Daemon } from "../../service.ts";

/** How a folder is watched. */
export interface WatchFolderOptions {
  readonly folder: string;
  /** Which files count, by name. Default every name of letters, digits, dashes and dots that does not begin or end with a dot. */
  readonly files?: RegExp;
  /** Told of each change once it has settled, with the files that are there, in order of their names; a rejection is tried again. */
  readonly onChange: (files: readonly string[]) => Promise<void>;
  /** Told why the folder cannot be read, or why `onChange` failed. Must not throw. */
  readonly onFailure?: (error: unknown) => void;
  /** A change has settled when nothing has changed for so long. Default 50. */
  readonly settleMs?: number;
  /** How often to look when the platform tells nothing, and to try again what failed. Default 1000. */
  readonly lookMs?: number;
  readonly clock?: Clock;
}

const usualFiles = /^[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*$/i;

/**
 * A Daemon that tells of changes to the files of a folder, whole: written over, renamed over, added and removed; half-written ones once they
 * are whole. It tells first what it found at its start. Subfolders do not count. What an editor leaves beside a file (".x.swp", "x~") is not seen.
 */
export function watchFolder(options: WatchFolderOptions): Daemon {
  const { folder, files = usualFiles, settleMs = 50, lookMs = 1000, clock = systemClock } = options;

  /** Names, sizes and times: what differs when a file does. */
  async function fingerprint(): Promise<{ readonly names: readonly string[]; readonly text: string }> {
    const names = (await readdir(folder)).filter((name) => files.test(name)).toSorted();
    const parts = await Promise.all(
      names.map(async (name) => {
        const { mtimeMs, size, ino } = await stat(join(folder, name));
        return `${name} ${mtimeMs} ${size} ${ino}`;
      }),
    );
    return { names, text: parts.join("\n") };
  }

  return async (signal) => {
    let hint = Promise.withResolvers<void>();
    const watcher = hintsFrom(folder, () => hint.resolve());
    const wait = async (durationMs: number): Promise<void> => {
      const stop = new AbortController();
      const onAbort = (): void => stop.abort();
      signal.addEventListener("abort", onAbort, { once: true });
      const slept = clock.sleep(durationMs, stop.signal).catch(() => undefined);
      await Promise.race([slept, hint.promise]);
      stop.abort();
      signal.removeEventListener("abort", onAbort);
      hint = Promise.withResolvers<void>();
    };
    let told: string | undefined;
    try {
      for (let seen = ""; !signal.aborted;) {
        try {
          const now = await fingerprint();
          if (now.text === told) await wait(lookMs);
          else if (now.text !== seen) {
            seen = now.text;
            await clock.sleep(settleMs, signal).catch(() => undefined);
          } else {
            await options.onChange(now.names);
            told = now.text;
          }
        } catch (error) {
          if (!signal.aborted) options.onFailure?.(error);
          await wait(lookMs);
        }
      }
    } finally {
      watcher();
    }
  };
}

/** The platform's word that something may have changed, where it gives one: it may be missing, doubled or early. Answers what ends it. */
function hintsFrom(folder: string, onHint: () => void): () => void {
  try {
    const watcher = watch(folder, { persistent: false }, onHint);
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
}
