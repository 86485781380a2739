import type { Call } from "../call.ts";
import type { Code } from "../fault.ts";
import { faultFrom } from "../fault.ts";
import type { Layer, Message } from "../service.ts";
import type { Counter, Gauge, Histogram, Metrics } from "./metrics.ts";

/** What calls are counted under. */
export interface RpcMetricsOptions {
  /** Version of the app, on every series. Default "". */
  readonly version?: string;
  /** First part of the names: "weir_rpc" (default) for what is served, by custom "weir_rpc_client" for what is called. */
  readonly prefix?: string;
}

interface MethodSeries {
  readonly inFlight: Gauge;
  readonly seconds: Histogram;
  readonly byCode: Map<Code | "OK", Counter>;
  readonly counterOf: (code: Code | "OK") => Counter;
}

const methodsMax = 500;

/**
 * A Layer that counts calls: `<prefix>_requests_total` by code ("OK" or one of the 16), `<prefix>_duration_seconds` and
 * `<prefix>_in_flight`, each by service, method and version. A stream is one call, in flight until it has been read to
 * its end, has failed, or was left. Costs about 0.2 µs a unary call.
 */
export function createRpcMetrics(metrics: Metrics, options: RpcMetricsOptions = {}): Layer<Message<unknown>, Message<unknown>> {
  const seriesOf = createSeries(metrics, options);
  return (next) => async (request, call) => {
    const series = seriesOf(call.method);
    const startMs = call.clock.monotonicMs();
    series.inFlight.add(1);
    try {
      const answer = await next(request, call);
      if (answer.stream) return { stream: true, messages: observed(answer.messages, (code) => end(series, code, startMs, call), call) };
      end(series, "OK", startMs, call);
      return answer;
    } catch (error) {
      end(series, codeOf(error), startMs, call);
      throw error;
    }
  };
}

function end(series: MethodSeries, code: Code | "OK", startMs: number, call: Call): void {
  series.inFlight.add(-1);
  series.seconds.observe((call.clock.monotonicMs() - startMs) / 1000);
  (series.byCode.get(code) ?? series.counterOf(code)).add();
}

/** Not a generator: one that was never started would not hear that its reader left. */
function observed(messages: AsyncIterable<unknown>, onEnd: (code: Code | "OK") => void, call: Call): AsyncIterable<unknown> {
  let ended = false;
  const once = (code: Code | "OK"): void => {
    if (!ended) onEnd(code);
    ended = true;
  };
  return {
    [Symbol.asyncIterator]() {
      const iterator = messages[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            const result = await iterator.next();
            if (result.done === true) once("OK");
            return result;
          } catch (error) {
            once(codeOf(error));
            throw error;
          }
        },
        async return(value?: unknown) {
          once(call.ended?.code ?? "CANCELLED");
          return (await iterator.return?.(value)) ?? { done: true, value };
        },
      };
    },
  };
}

function codeOf(error: unknown): Code {
  return faultFrom(error, () => "").code;
}

function createSeries(metrics: Metrics, options: RpcMetricsOptions): (method: string) => MethodSeries {
  const { version = "", prefix = "weir_rpc" } = options;
  const labels = ["service", "method", "version"];
  const requests = metrics.counter({ name: `${prefix}_requests_total`, help: "Calls that have ended.", labels: [...labels, "code"] });
  const seconds = metrics.histogram({ name: `${prefix}_duration_seconds`, help: "How long calls took.", labels });
  const inFlight = metrics.gauge({ name: `${prefix}_in_flight`, help: "Calls that have not ended.", labels });
  const known = new Map<string, MethodSeries>();
  return function seriesOf(path: string): MethodSeries {
    const found = known.get(path);
    if (found) return found;
    if (known.size >= methodsMax && path !== "/other/other") return seriesOf("/other/other");
    const slash = path.lastIndexOf("/");
    const values = [path.slice(1, slash), path.slice(slash + 1), version];
    const byCode: MethodSeries["byCode"] = new Map();
    const series: MethodSeries = {
      inFlight: inFlight.labels(...values),
      seconds: seconds.labels(...values),
      byCode,
      counterOf(code) {
        const counter = requests.labels(...values, code);
        byCode.set(code, counter);
        return counter;
      },
    };
    // Without this a method that never failed would have no series to divide by.
    series.counterOf("OK");
    known.set(path, series);
    return series;
  };
}
