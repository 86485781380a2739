import type { Fault } from "@weir/kit/fault";
import type { WatchReleaseResponse } from "@weir/api/releases";
import type { TrafficColumn, WatchTrafficResponse } from "@weir/api/traffic";

/** The two streams that the release page lives on. */
export type StreamName = "release" | "traffic";

/** How a stream is. Times are monotonic. */
export type Link =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly sinceMs: number; readonly retryAtMs: number; readonly attempt: number; readonly fault: Fault }
  | { readonly kind: "ended"; readonly fault: Fault };

/** A message and when it came: `nowMs` by the server's clock, `heardMs` by the browser's monotonic one. */
export interface Heard<T> {
  readonly message: T;
  readonly nowMs: number;
  readonly heardMs: number;
}

/** All that the page knows of the release, and how fresh it is. */
export interface LiveState {
  readonly links: Readonly<Record<StreamName, Link>>;
  readonly release: Heard<WatchReleaseResponse> | undefined;
  /** The newest message; its columns are merged into `columns`. */
  readonly traffic: Heard<WatchTrafficResponse> | undefined;
  /** Oldest first, no two of the same time, at most `columnsMax`. */
  readonly columns: readonly TrafficColumn[];
}

/** What can happen to the streams. */
export type LiveEvent =
  | { readonly kind: "release"; readonly message: WatchReleaseResponse; readonly atMs: number }
  | { readonly kind: "traffic"; readonly message: WatchTrafficResponse; readonly atMs: number }
  | {
      readonly kind: "lost";
      readonly stream: StreamName;
      readonly fault: Fault;
      readonly attempt: number;
      readonly atMs: number;
      readonly retryInMs: number;
    }
  | { readonly kind: "ended"; readonly stream: StreamName; readonly fault: Fault }
  | { readonly kind: "window" };

const columnsMax = 62;

/** Nothing heard yet. */
export const liveAtStart: LiveState = {
  links: { release: { kind: "connecting" }, traffic: { kind: "connecting" } },
  release: undefined,
  traffic: undefined,
  columns: [],
};

/** The state after an event. What was heard before stays when a stream is lost: it is shown with its age. */
export function liveAfter(state: LiveState, event: LiveEvent): LiveState {
  switch (event.kind) {
    case "release":
      return { ...linked(state, "release", { kind: "live" }), release: heard(event.message, event.atMs) };
    case "traffic":
      return {
        ...linked(state, "traffic", { kind: "live" }),
        traffic: heard(event.message, event.atMs),
        columns: mergedColumns(state.columns, event.message.columns),
      };
    case "lost":
      return lost(state, event);
    case "ended":
      return linked(state, event.stream, { kind: "ended", fault: event.fault });
    case "window":
      return { ...linked(state, "traffic", { kind: "connecting" }), columns: [] };
  }
}

/** Newer columns replace those of the same time; the oldest leave when there are too many. */
export function mergedColumns(held: readonly TrafficColumn[], fresh: readonly TrafficColumn[]): TrafficColumn[] {
  const byTime = new Map([...held, ...fresh].map((column) => [column.fromMs, column]));
  return [...byTime.values()].toSorted((left, right) => Number(left.fromMs - right.fromMs)).slice(-columnsMax);
}

/** The server's clock now, carried on from a message by the browser's monotonic clock. */
export function serverNowMs(heardOne: Pick<Heard<unknown>, "nowMs" | "heardMs">, monotonicMs: number): number {
  return heardOne.nowMs + (monotonicMs - heardOne.heardMs);
}

function heard<T extends { readonly nowMs: bigint }>(message: T, atMs: number): Heard<T> {
  return { message, nowMs: Number(message.nowMs), heardMs: atMs };
}

function linked(state: LiveState, stream: StreamName, link: Link): LiveState {
  const held = state.links[stream];
  return held.kind === "live" && link.kind === "live" ? state : { ...state, links: { ...state.links, [stream]: link } };
}

function lost(state: LiveState, event: Extract<LiveEvent, { kind: "lost" }>): LiveState {
  const held = state.links[event.stream];
  const sinceMs =
    held.kind === "lost" ? held.sinceMs : ((event.stream === "release" ? state.release : state.traffic)?.heardMs ?? event.atMs);
  const { fault, attempt } = event;
  return linked(state, event.stream, { kind: "lost", sinceMs, retryAtMs: event.atMs + event.retryInMs, attempt, fault });
}
