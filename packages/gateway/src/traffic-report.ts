import type { EndpointTraffic, CauseCount, ReportRequest, TrafficClient } from "@weir/api/traffic";
import type { Logger } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { faultFrom } from "@weir/kit/fault";
import type { Daemon } from "@weir/kit/service";
import type { Counter } from "@weir/kit/telemetry/metrics";

/** What reports work with. */
export interface TrafficReportOptions {
  readonly client: TrafficClient;
  /** Name of this data plane. */
  readonly name: string;
  /** Tells this start of the data plane from others. */
  readonly startId: string;
  /** What was counted since it was last asked. */
  readonly take: () => { readonly endpoints: EndpointTraffic[]; readonly causes: CauseCount[] };
  readonly dropped: Counter;
  readonly clock: Clock;
  readonly log: Logger;
}

const intervalMs = 1000;
const reportMs = 2000;
/** A minute of reports waits for control to come back; then the oldest go. */
const waitingMax = 60;
/** More endpoints than this with traffic in one second go in several reports. */
const endpointsMax = 1000;

/**
 * Tells control each second what was carried. Reports that cannot be sent wait, at most 60; older ones are dropped and
 * counted. A report that may have arrived is sent again under its own number, so that control counts it once.
 */
export function trafficReport(options: TrafficReportOptions): Daemon {
  const { client, name, startId, take, dropped, clock, log } = options;
  const waiting: ReportRequest[] = [];
  let sequence = 0n;
  let failing = false;

  function collect(): void {
    const { endpoints, causes } = take();
    const endedAtMs = BigInt(Math.floor(clock.nowMs()));
    // An empty report is sent too: it tells a quiet second from an unknown one.
    for (let from = 0; from === 0 || from < endpoints.length; from += endpointsMax) {
      const part = endpoints.slice(from, from + endpointsMax);
      waiting.push({ dataPlane: name, startId, sequence: ++sequence, endedAtMs, endpoints: part, causes: from === 0 ? causes : [] });
    }
    while (waiting.length > waitingMax) {
      waiting.shift();
      dropped.add();
    }
  }
  /** True when it is settled: taken, or refused in a way that sending it again would not change. */
  async function settled(report: ReportRequest): Promise<boolean> {
    try {
      await client.report(report, { timeoutMs: reportMs, clock });
      failing = false;
      return true;
    } catch (thrown) {
      const found = faultFrom(thrown);
      if (!failing) log.warn("traffic cannot be reported", { error: found });
      failing = true;
      if (found.code !== "INVALID_ARGUMENT") return false;
      dropped.add();
      return true;
    }
  }
  async function send(): Promise<void> {
    for (let report = waiting[0]; report !== undefined; report = waiting[0]) {
      if (!(await settled(report))) return;
      if (waiting[0] === report) waiting.shift();
    }
  }
  return async (signal) => {
    let sending: Promise<void> = Promise.resolve();
    let idle = true;
    let nextMs = clock.monotonicMs() + intervalMs;
    while (!signal.aborted) {
      await clock.sleep(Math.max(0, nextMs - clock.monotonicMs()), signal).catch(() => undefined);
      nextMs = Math.max(nextMs + intervalMs, clock.monotonicMs());
      collect();
      if (!idle) continue;
      idle = false;
      sending = send().finally(() => {
        idle = true;
      });
    }
    await sending;
  };
}
