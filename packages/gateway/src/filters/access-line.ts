import { jsonText } from "../http/json-text.ts";
import { pathOf } from "../http/route-table.ts";
import type { Passage } from "../passage.ts";

/** What the access log says beside the passage. */
export interface AccessLineOptions {
  readonly nowMs: number;
  readonly durationMs: number;
  readonly status: number;
  readonly traceId: string;
  /** False when the answer broke off in the middle. */
  readonly whole: boolean;
  readonly revision: string;
}

/**
 * One line of the access log, JSON without line feed. Written by hand, since it is made for every request; values that a
 * client chooses are escaped and cut at 1024 characters. The query of the target is left out: it often holds secrets.
 */
export function accessLine(passage: Passage, options: AccessLineOptions): string {
  const { route, endpoint, cause } = passage;
  let line =
    `{"time":"${timeText(options.nowMs)}","level":"info","message":"request","requestId":"${passage.requestId}","traceId":"${options.traceId}"` +
    `,"client":"${passage.client}","method":"${passage.method}","host":${jsonText(passage.authority)},"path":${jsonText(pathOf(passage.target))}` +
    `,"status":${options.status},"durationMs":${millisecondsText(options.durationMs)},"bytesOut":${passage.bytesOut}`;
  if (route !== undefined) line += `,"route":"${route.name}","service":"${route.service}"`;
  if (endpoint !== undefined) line += `,"version":"${endpoint.version}","endpoint":${endpoint.idText}`;
  if (passage.bucket >= 0) line += `,"bucket":${passage.bucket}`;
  if (passage.attempts > 1) line += `,"attempts":${passage.attempts}`;
  if (passage.fallback) line += `,"fallback":true`;
  if (cause !== undefined) line += `,"cause":"${cause}"`;
  if (!options.whole) line += `,"broken":true`;
  return `${line},"revision":${options.revision}}`;
}

/** Three decimals without the cost of toFixed. */
function millisecondsText(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}

let second = NaN;
let secondText = "";

/** ISO 8601 with milliseconds; the part up to the second is made once a second. */
function timeText(nowMs: number): string {
  const at = Math.floor(nowMs / 1000);
  if (at !== second) {
    second = at;
    secondText = new Date(at * 1000).toISOString().slice(0, 20);
  }
  const ms = Math.floor(nowMs - at * 1000);
  return `${secondText}${ms < 10 ? "00" : ms < 100 ? "0" : ""}${ms}Z`;
}
