import { isName, isVersion } from "@weir/api/names";
import type { CauseCount, EndpointTraffic, ReportRequest } from "@weir/api/traffic";
import { fault } from "@weir/kit/fault";
import { latencyBucketCount } from "@weir/kit/telemetry/latency-histogram";
import { quoted } from "../quoted.ts";
import { controlReasons } from "../reasons.ts";

const endpointsMax = 2000;
const causesMax = 32;
const futureMsMax = 5000;
const causePattern = /^[A-Z][A-Z0-9_]{0,63}$/;
const instancePattern = /^[\x21-\x7e]{1,128}$/;

/** Rejects with REPORT_INVALID unless everything in a report can be counted; the message names what cannot. */
export function checkReport(report: ReportRequest, nowMs: number): void {
  if (!isName(report.dataPlane)) throw invalid("a data plane named by 1 to 63 of a-z, 0-9, dot and dash", quoted(report.dataPlane));
  if (!instancePattern.test(report.startId)) throw invalid("a start_id of 1 to 128 visible characters", quoted(report.startId));
  if (report.endedAtMs > BigInt(Math.round(nowMs) + futureMsMax))
    throw invalid("an end that has come", `${report.endedAtMs} at ${Math.round(nowMs)}`);
  if (report.endpoints.length > endpointsMax) throw invalid(`at most ${endpointsMax} endpoints`, String(report.endpoints.length));
  checkCauses(report.causes);
  for (const endpoint of report.endpoints) checkEndpoint(endpoint);
}

function checkEndpoint(endpoint: EndpointTraffic): void {
  const { service, version, instance } = endpoint;
  if (!isName(service) || !isVersion(version) || !instancePattern.test(instance)) {
    throw invalid("service, version and instance of an endpoint", quoted(`${service}@${version}/${instance}`));
  }
  checkCauses(endpoint.causes);
  checkCounts(endpoint.latencyCounts);
}

function checkCauses(causes: readonly CauseCount[]): void {
  if (causes.length > causesMax) throw invalid(`at most ${causesMax} causes`, String(causes.length));
  const bad = causes.find(({ cause }) => !causePattern.test(cause));
  if (bad) throw invalid("causes in capitals", quoted(bad.cause));
}

function checkCounts(counts: readonly number[]): void {
  if (counts.length % 2 !== 0) throw invalid("latency indexes and counts in turn", `${counts.length} numbers`);
  for (let position = 0; position < counts.length; position += 2) {
    const [index = -1, before = -1] = [counts[position], counts[position - 2]];
    if (index <= before || index >= latencyBucketCount) {
      throw invalid(`rising latency indexes below ${latencyBucketCount}`, `${index} after ${before}`);
    }
  }
}

function invalid(expected: string, found: string): Error {
  return fault(controlReasons.REPORT_INVALID, `Expected ${expected}, found ${found}.`);
}
