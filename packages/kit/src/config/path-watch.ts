import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../clock.ts";
import { fingerprintOf } from "./file-content.ts";

/** What is watched, and who hears of it. */
export interface PathWatchOptions {
  readonly path: string;
  /** How often the path is looked at, whether the platform tells of changes or not. */
  readonly pollMs: number;
  readonly clock: Clock;
  /** Something may have happened to what the path leads to. Called often and in vain; first once the watch stands. */
  readonly onStir: () => void;
}

/**
 * Hears of whatever may change what a path leads to: by the platform's events of its folder, which tell of files written over,
 * renamed over and of links (Kubernetes moves one called ..data), and, because those are lost when a folder is deleted and made
 * anew, when a link leads out of it, on file systems of other machines and when watches have run out, by looking at the path's
 * own identity each `pollMs`. Answers how to stop.
 */
export function watchPath({ path, pollMs, clock, onStir }: PathWatchOptions): () => void {
  const folder = dirname(path);
  let watcher: FSWatcher | undefined;
  let watched = "";
  let known: string | undefined;
  let stopped = false;
  let cancel = (): void => undefined;

  const letGo = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  async function look(): Promise<void> {
    const [found, of] = await Promise.all([fingerprintOf(path), identityOf(folder)]);
    if (stopped) return;
    if (!watcher || of !== watched) {
      letGo();
      watched = of;
      watcher = of === "" ? undefined : watcherOf(folder, { onStir, onLost: letGo });
    }
    if (found !== known) onStir();
    known = found;
    cancel = clock.after(pollMs, () => void look());
  }
  void look();
  return () => {
    stopped = true;
    cancel();
    letGo();
  };
}

function watcherOf(folder: string, { onStir, onLost }: { onStir: () => void; onLost: () => void }): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onStir);
    // Such as no more watches (ENOSPC): the next look tries again, and finds changes by itself.
    watcher.on("error", onLost);
    return watcher;
  } catch {
    return undefined;
  }
}

/** Device and number of the folder, for a watch holds to those; "" when there is none. */
async function identityOf(folder: string): Promise<string> {
  const [dev = "", ino = ""] = (await fingerprintOf(folder)).split(" ");
  return dev.startsWith("none") ? "" : `${dev} ${ino}`;
}
