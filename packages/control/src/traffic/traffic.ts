import type { TrafficColumn, TrafficHandlers, WatchTrafficRequest, WatchTrafficResponse } from "@weir/api/traffic";
import type { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Bell } from "../bell.ts";
import { pulses } from "../bell.ts";
import type { Current } from "../current.ts";
import { quoted } from "../quoted.ts";
import { controlReasons } from "../reasons.ts";
import type { ReleaseRow } from "../tables.ts";
import { checkReport } from "./report.ts";
import type { TrafficBook } from "./traffic-book.ts";
import { secondsMax } from "./traffic-book.ts";
import { columnsFrom, observedFrom, windowsFrom } from "./views.ts";

/** What the traffic works with. */
export interface TrafficOptions {
  readonly book: TrafficBook;
  readonly current: Pick<Current, "state">;
  /** Never rung: what is new is sent every second. */
  readonly silence: Bell;
  readonly clock: Clock;
  /** Ends the streams when control goes down. */
  readonly signal: AbortSignal;
  /** Told of requests that reached no endpoint, by cause. */
  readonly onUnrouted: (cause: string, count: number) => void;
  /** Pages that may watch at once. Default 500. */
  readonly watchersMax?: number;
}

const everyMs = 1000;
const secondsBackDefault = 300;
const columnSecondsDefault = 5;
const columnSecondsMax = 60;
const windowMsMax = 300_000;
const observedSeconds = 10;
/** Cells in one message; a long look back comes in several. */
const cellsMax = 5000;

/** What data planes saw. Errors: REPORT_INVALID, PAGE_INVALID, SERVICE_UNKNOWN, WATCHERS_TOO_MANY. */
export function createTraffic(options: TrafficOptions): TrafficHandlers {
  const { book, clock, watchersMax = 500 } = options;
  let watchers = 0;
  return {
    async report(report) {
      checkReport(report, clock.nowMs());
      if (book.take(report, clock.nowMs())) for (const { cause, count } of report.causes) options.onUnrouted(cause, count);
      return {};
    },
    async *watchTraffic(request, call) {
      checkWatch(request);
      if (watchers >= watchersMax)
        throw fault(controlReasons.WATCHERS_TOO_MANY, `Expected at most ${watchersMax} pages watching, found as many.`);
      watchers += 1;
      try {
        yield* watch(options, request, call);
      } finally {
        watchers -= 1;
      }
    },
  };
}

function checkWatch({ secondsBack, columnSeconds }: WatchTrafficRequest): void {
  if (secondsBack > secondsMax)
    throw fault(controlReasons.PAGE_INVALID, `Expected seconds_back of at most ${secondsMax}, found ${secondsBack}.`);
  if (columnSeconds > columnSecondsMax) {
    throw fault(controlReasons.PAGE_INVALID, `Expected column_seconds of at most ${columnSecondsMax}, found ${columnSeconds}.`);
  }
}

async function* watch(
  options: TrafficOptions,
  request: WatchTrafficRequest,
  call: Call,
): AsyncGenerator<WatchTrafficResponse, void, undefined> {
  const { clock, book } = options;
  const signal = AbortSignal.any([call.signal, options.signal]);
  const columnSeconds = request.columnSeconds || columnSecondsDefault;
  const secondsBack = request.secondsBack || secondsBackDefault;
  let seen = -1;
  for await (const _ of pulses({ bell: options.silence, clock, signal, everyMs, togetherMs: 0 })) {
    const nowSecond = Math.floor(clock.nowMs() / 1000);
    const changed = changedColumns(book, {
      sinceChange: seen,
      fromSecond: nowSecond - secondsBack,
      columnSeconds,
      service: request.service,
    });
    seen = book.changes;
    const parts = inParts(changed);
    for (const columns of parts) yield { ...view(options, request.service), columns };
  }
}

function changedColumns(
  book: TrafficBook,
  since: { readonly sinceChange: number; readonly fromSecond: number; readonly columnSeconds: number; readonly service: string },
): TrafficColumn[] {
  const { columnSeconds, service } = since;
  // Whole columns: one that begins before what was asked for is not sent in part.
  const first = Math.floor(since.fromSecond / columnSeconds) * columnSeconds;
  const slots = book.slots(first);
  const changed = new Set(
    slots.filter(({ changedAt }) => changedAt > since.sinceChange).map(({ second }) => Math.floor(second / columnSeconds)),
  );
  return columnsFrom(
    slots.filter(({ second }) => changed.has(Math.floor(second / columnSeconds))),
    { service, columnSeconds },
  );
}

function inParts(columns: readonly TrafficColumn[]): TrafficColumn[][] {
  const parts: TrafficColumn[][] = [[]];
  let cells = 0;
  for (const column of columns) {
    if (cells > 0 && cells + column.cells.length > cellsMax) {
      parts.push([]);
      cells = 0;
    }
    parts.at(-1)?.push(column);
    cells += column.cells.length;
  }
  return parts;
}

function view({ book, current, clock }: TrafficOptions, service: string): Omit<WatchTrafficResponse, "columns"> {
  const release = current.state.releases.find((row) => row.service === service);
  if (!release) throw fault(controlReasons.SERVICE_UNKNOWN, `Expected a service that has registered, found ${quoted(service)}.`);
  const nowMs = clock.nowMs();
  const nowSecond = Math.floor(nowMs / 1000);
  const fromSecond = windowStart(release, nowMs);
  const { new_version: newVersion, stable_version: stableVersion } = release;
  const versions = newVersion === "" ? [stableVersion] : [newVersion, stableVersion];
  const observed = observedFrom(book.slots(nowSecond - observedSeconds, nowSecond), { service, newVersion, stableVersion });
  return {
    windows: windowsFrom(book.slots(fromSecond, nowSecond), { service, versions }),
    windowFromMs: BigInt(fromSecond * 1000),
    newestReportAtMs: BigInt(Math.round(book.newestReportAtMs)),
    nowMs: BigInt(Math.round(nowMs)),
    observedWeight: newVersion === "" ? 0 : observed.weight,
    observedRequests: observed.requests,
  };
}

/** The first whole second after the last change of weight, at most five minutes back: older answers had another mix of users. */
function windowStart(release: ReleaseRow, nowMs: number): number {
  return Math.ceil(Math.max(release.changed_at_ms, nowMs - windowMsMax) / 1000);
}
