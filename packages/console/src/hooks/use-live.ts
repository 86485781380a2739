import { useEffect, useReducer } from "preact/hooks";
import { faultFrom } from "@weir/kit/fault";
import type { ConsoleClient } from "../client.ts";
import type { WindowS } from "../model/address.ts";
import { columnSecondsOf } from "../model/address.ts";
import type { LiveEvent, LiveState, StreamName } from "../model/live.ts";
import { liveAfter, liveAtStart } from "../model/live.ts";
import type { WatchOptions } from "../model/watch.ts";
import { watch } from "../model/watch.ts";

/** What `useLive` watches. */
export interface LiveOptions {
  readonly client: ConsoleClient;
  readonly service: string;
  readonly windowS: WindowS;
  /** Runs when control no longer takes the token. */
  readonly onSignedOut: () => void;
}

/** Watches a release and its traffic while the page is shown, over breaks of the connection. */
export function useLive(options: LiveOptions): LiveState {
  const { client, service, windowS } = options;
  const [state, dispatch] = useReducer(liveAfter, liveAtStart);
  const run = <T>(stream: StreamName, watched: Pick<WatchOptions<T>, "open" | "onMessage">): (() => void) =>
    runStream(stream, watched, { dispatch, onSignedOut: options.onSignedOut });
  useEffect(
    () =>
      run("release", {
        open: (call) => client.releases.watchRelease({ service }, call),
        onMessage: (message) => dispatch({ kind: "release", message, atMs: performance.now() }),
      }),
    [client, service],
  );
  useEffect(() => {
    dispatch({ kind: "window" });
    return run("traffic", {
      open: (call) => client.traffic.watchTraffic({ service, secondsBack: windowS, columnSeconds: columnSecondsOf(windowS) }, call),
      onMessage: (message) => dispatch({ kind: "traffic", message, atMs: performance.now() }),
    });
  }, [client, service, windowS]);
  return state;
}

function runStream<T>(
  stream: StreamName,
  watched: Pick<WatchOptions<T>, "open" | "onMessage">,
  told: { readonly dispatch: (event: LiveEvent) => void; readonly onSignedOut: () => void },
): () => void {
  const controller = new AbortController();
  const onLost: WatchOptions<T>["onLost"] = (lost) => told.dispatch({ kind: "lost", stream, atMs: performance.now(), ...lost });
  watch({ ...watched, onLost }, controller.signal).catch((thrown: unknown) => {
    const fault = faultFrom(thrown);
    told.dispatch({ kind: "ended", stream, fault });
    if (fault.code === "UNAUTHENTICATED") told.onSignedOut();
  });
  return () => controller.abort();
}
