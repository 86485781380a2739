import { write, writeSync } from "node:fs";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";

/** Takes lines and writes them in batches. A class of resource: it holds a buffer and a listener until closed. */
export interface LineWriter {
  /** Adds a line (without line feed). Never waits: when the buffer is full the line is dropped and counted. */
  readonly write: (line: string) => void;
  /** Lines that were dropped since the start. */
  dropped(): number;
  /** Resolves when everything taken so far has been written, or given up. */
  flush(): Promise<void>;
  /** Writes at once what is buffered, blocking; for the last moments of a process. Runs by itself on exit. */
  flushSync(): void;
  /** Flushes and lets go of the exit listener. */
  close(): Promise<void>;
}

/** How lines are written. */
export interface LineWriterOptions {
  /** An open file descriptor; default 1, the standard output. */
  readonly fd?: number;
  /** Longest a line waits. Default 100. */
  readonly flushMs?: number;
  /** As soon as so many characters wait they are written. Default 65536: each write wakes another thread, which costs more than its bytes. */
  readonly flushSize?: number;
  /** Characters that may wait while the reader is slow; lines beyond are dropped. Default 1048576. */
  readonly bufferMax?: number;
  /** Made when lines had been dropped and there is room again. */
  readonly droppedLine?: (count: number) => string;
  readonly clock?: Clock;
}

const retryMs = 20;
const retriesSyncMax = 50;

/**
 * Writes lines to a file descriptor away from this thread: a reader that stalls costs lines (counted, and told in a
 * line of their own), never time.
 */
export function createLineWriter(options: LineWriterOptions = {}): LineWriter {
  const { fd = 1, flushMs = 100, flushSize = 65_536, bufferMax = 1_048_576, clock = systemClock } = options;
  const droppedLine = options.droppedLine ?? ((count) => `{"level":"warn","message":"log lines were dropped","count":${count}}`);
  let buffer = "";
  let flight: Promise<void> | undefined;
  let droppedTotal = 0;
  let droppedUntold = 0;
  let cancelTimer: (() => void) | undefined;

  function take(): Buffer {
    if (droppedUntold > 0) buffer += `${droppedLine(droppedUntold)}\n`;
    droppedUntold = 0;
    const bytes = Buffer.from(buffer, "utf8");
    buffer = "";
    cancelTimer?.();
    cancelTimer = undefined;
    return bytes;
  }
  function start(): void {
    if (flight || (buffer === "" && droppedUntold === 0)) return;
    flight = writeAll(fd, take(), clock).then((lost) => {
      droppedTotal += lost;
      droppedUntold += lost;
      flight = undefined;
      if (buffer.length >= flushSize) start();
      else if (buffer !== "") arm();
    });
  }
  function arm(): void {
    cancelTimer ??= clock.after(flushMs, () => {
      cancelTimer = undefined;
      start();
    });
  }
  function writeLine(line: string): void {
    if (buffer.length + line.length >= bufferMax) {
      droppedTotal++;
      droppedUntold++;
      return;
    }
    buffer += `${line}\n`;
    if (flight) return;
    if (buffer.length >= flushSize) start();
    else arm();
  }
  async function flush(): Promise<void> {
    await flight;
    start();
    await flight;
  }
  function flushSync(): void {
    if (buffer !== "" || droppedUntold > 0) writeAllSync(fd, take());
  }
  process.on("exit", flushSync);
  return {
    write: writeLine,
    dropped: () => droppedTotal,
    flush,
    flushSync,
    async close() {
      await flush();
      process.off("exit", flushSync);
    },
  };
}

/** Answers how many lines were lost because the descriptor takes no more, ever. */
async function writeAll(fd: number, bytes: Buffer, clock: Clock): Promise<number> {
  for (let offset = 0; offset < bytes.length;) {
    const written = await new Promise<number>((resolve) => {
      write(fd, bytes, offset, bytes.length - offset, null, (error, count) => resolve(error ? (error.code === "EAGAIN" ? 0 : -1) : count));
    });
    if (written < 0) return linesIn(bytes.subarray(offset));
    // The other side reads too slowly; meanwhile the buffer fills and then drops.
    if (written === 0) await clock.sleep(retryMs);
    offset += written;
  }
  return 0;
}

function writeAllSync(fd: number, bytes: Buffer): void {
  let retries = 0;
  for (let offset = 0; offset < bytes.length && retries < retriesSyncMax;) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      retries++;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
    }
  }
}

function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 10) lines++;
  return lines;
}
