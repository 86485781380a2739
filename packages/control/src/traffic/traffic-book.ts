import type { EndpointTraffic, ReportRequest } from "@weir/api/traffic";
import type { Cell } from "./cell.ts";
import { addToCell, emptyCell } from "./cell.ts";
import { createSequences } from "./sequences.ts";

/** Seconds that are remembered. */
export const secondsMax = 900;

/** One second of all instances. */
export interface Slot {
  /** Seconds since 1970 at its begin. */
  readonly second: number;
  /** Grows with every report into any slot, so that a watcher knows what it has not seen. */
  changedAt: number;
  readonly cells: Map<string, Cell>;
  /** Numbers held in its cells. */
  numbers: number;
}

/** The last 15 minutes of traffic, second by second, in memory. */
export interface TrafficBook {
  /** Counts a report that has been checked. Answers false when it came before, or too late to be placed. */
  take(report: ReportRequest, nowMs: number): boolean;
  /** Slots from one second to another, both included, oldest first. Default to the newest. */
  slots(fromSecond: number, toSecond?: number): Slot[];
  /** `changedAt` of the slot that changed last. */
  readonly changes: number;
  /** When the newest report came in, 0 for never. */
  readonly newestReportAtMs: number;
  /** For the metrics. */
  readonly cells: number;
}

/** How much is remembered. */
export interface TrafficBookOptions {
  /** Cells of all seconds together; beyond that the oldest seconds go first. Default 200,000. */
  readonly cellsMax?: number;
  /** Numbers in the latency lists of all cells together. Default 8,000,000, about 64 MB. */
  readonly numbersMax?: number;
}

/** A book in which nothing has happened. */
export function createTrafficBook(options: TrafficBookOptions = {}): TrafficBook {
  const { cellsMax = 200_000, numbersMax = 8_000_000 } = options;
  const slots = new Map<number, Slot>();
  const sequences = createSequences();
  let changes = 0;
  let cells = 0;
  let numbers = 0;
  let newestReportAtMs = 0;

  function drop(slot: Slot): void {
    slots.delete(slot.second);
    cells -= slot.cells.size;
    numbers -= slot.numbers;
  }

  function makeRoom(nowSecond: number): void {
    for (const slot of slots.values()) if (slot.second <= nowSecond - secondsMax) drop(slot);
    while ((cells > cellsMax || numbers > numbersMax) && slots.size > 1) {
      const oldest = [...slots.values()].reduce((left, right) => (left.second < right.second ? left : right));
      drop(oldest);
    }
  }

  function add(slot: Slot, endpoint: EndpointTraffic): void {
    const key = `${endpoint.service}\n${endpoint.version}\n${endpoint.instance}`;
    let cell = slot.cells.get(key);
    if (!cell) {
      cell = emptyCell(endpoint);
      slot.cells.set(key, cell);
      cells += 1;
    }
    const before = cell.latencyCounts.length;
    addToCell(cell, endpoint);
    slot.numbers += cell.latencyCounts.length - before;
    numbers += cell.latencyCounts.length - before;
  }

  return {
    take(report, nowMs) {
      if (!sequences.isNew(`${report.dataPlane}\n${report.startId}`, report.sequence)) return false;
      newestReportAtMs = nowMs;
      // A report covers the second before its end; its middle says which second of the clock that was, mostly.
      const second = Math.floor((Number(report.endedAtMs) - 500) / 1000);
      const nowSecond = Math.floor(nowMs / 1000);
      makeRoom(nowSecond);
      if (second <= nowSecond - secondsMax) return false;
      if (report.endpoints.length === 0) return true;
      const slot = slots.get(second) ?? { second, changedAt: 0, cells: new Map(), numbers: 0 };
      slots.set(second, slot);
      changes += 1;
      slot.changedAt = changes;
      for (const endpoint of report.endpoints) add(slot, endpoint);
      return true;
    },
    slots(fromSecond, toSecond = Infinity) {
      const found = [...slots.values()].filter(({ second }) => second >= fromSecond && second <= toSecond);
      return found.sort((left, right) => left.second - right.second);
    },
    get changes() {
      return changes;
    },
    get newestReportAtMs() {
      return newestReportAtMs;
    },
    get cells() {
      return cells;
    },
  };
}
