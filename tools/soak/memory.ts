import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type Collect = (options: { readonly type: "major"; readonly execution: "sync" }) => void;

/** A function that collects all garbage and answers how many bytes are held: the heap, and the buffers outside of it. */
export function createHeldBytes(): () => number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as Collect;
  return () => {
    // What finalizers let go of in one round is garbage in the next.
    for (let round = 0; round < 2; round++) collect({ type: "major", execution: "sync" });
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
}

/** What keeps the process alive, by kind: sockets, servers, timers, children. */
export function handleCounts(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** What `now` has more than `before`: "TCPSocketWrap × 2". */
export function handlesBeyond(before: Readonly<Record<string, number>>, now: Readonly<Record<string, number>>): string[] {
  return Object.entries(now).flatMap(([kind, count]) => {
    const more = count - (before[kind] ?? 0);
    return more > 0 ? [`${kind} × ${more}`] : [];
  });
}
