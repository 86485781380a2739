import { readFileSync } from "node:fs";

/** USER_HZ: the kernel counts process times in hundredths of a second, on every architecture that Node runs on. */
const tickMs = 10;

/** Time that one core spent since boot, in milliseconds. `busyMs` leaves out interrupts: they belong to no process. */
export interface CoreTimes {
  readonly busyMs: number;
  readonly interruptMs: number;
  readonly stealMs: number;
  readonly totalMs: number;
}

/** User and system time of a process with all its threads, in milliseconds, from the text of /proc/<pid>/stat (proc(5)). */
export function cpuMsFromStat(text: string): number {
  // The command stands in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** The times of one core from the text of /proc/stat. */
export function coreTimesFromStat(text: string, core: number): CoreTimes {
  const line = text.split("\n").find((one) => one.startsWith(`cpu${core} `));
  if (line === undefined) throw new Error(`expected a core ${core} in /proc/stat, found none`);
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, hard = 0, soft = 0, steal = 0] = line
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) * tickMs);
  const busyMs = user + nice + system;
  const interruptMs = hard + soft;
  return { busyMs, interruptMs, stealMs: steal, totalMs: busyMs + interruptMs + steal + idle + ioWait };
}

/** The times of one core now. */
export function coreTimes(core: number): CoreTimes {
  return coreTimesFromStat(readFileSync("/proc/stat", "utf8"), core);
}

/** A process and everything that it started, as process ids. */
export function familyOf(pid: number): number[] {
  const found = [pid];
  for (const one of found) {
    const children = readOr(`/proc/${one}/task/${one}/children`, "").trim();
    if (children !== "") found.push(...children.split(" ").map(Number));
  }
  return found;
}

/** CPU time of a process and everything that it started, in milliseconds. Those that have ended no longer count. */
export function cpuMsOf(pid: number): number {
  return familyOf(pid)
    .map((one) => readOr(`/proc/${one}/stat`, ""))
    .filter((text) => text !== "")
    .reduce((sum, text) => sum + cpuMsFromStat(text), 0);
}

/** Resident memory of a process and everything that it started, in bytes. */
export function residentBytesOf(pid: number): number {
  const kilobytes = familyOf(pid).map((one) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readOr(`/proc/${one}/status`, ""))?.[1] ?? 0));
  return kilobytes.reduce((sum, one) => sum + one, 0) * 1024;
}

/** Processes come and go while one looks. */
function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
