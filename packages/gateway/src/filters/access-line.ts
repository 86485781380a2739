import { jsonInner, jsonText } from "../http/json-text.ts";
import { pathOf } from "../http/route-table.ts";
import type { Passage, SessionCount } from "../passage.ts";
import { grpcName, grpcUnsaid } from "../rpc/codes.ts";

/**
 * One line of the access log, JSON without line feed. It is made for every request, so it is put together from few pieces,
 * most of them made once. Values that a client chooses are escaped and cut at 1024 characters. The query of the target is
 * left out: it often holds secrets. `endText` is what `lineEndFrom` made.
 */
export function accessLine(passage: Passage, nowMs: number, endText: string): string {
  const { route, endpoint, cause } = passage;
  const durationMs = Math.round((passage.endedMs - passage.startedMs) * 1000) / 1000;
  let line = openingAt(nowMs) + passage.requestId + '","traceId":"' + passage.traceId + passage.clientText + methodText(passage.method);
  line += jsonInner(pathOf(passage.target)) + statusText(passage.status) + durationMs + ',"bytesOut":' + passage.bytesOut;
  if (route !== undefined) line += endpoint === undefined ? route.logText : route.logText + endpoint.logText;
  if (passage.bucket >= 0) line += bucketText(passage.bucket);
  if (passage.grpcCode !== grpcUnsaid) line += ',"code":"' + grpcName(passage.grpcCode) + '"';
  if (passage.session !== undefined) line += sessionText(passage.session);
  if (passage.attempts > 1) line += ',"attempts":' + passage.attempts;
  if (passage.fallback) line += ',"fallback":true';
  if (cause !== undefined) line += ',"cause":"' + cause + '"';
  if (passage.broken) line += ',"broken":true';
  return line + endText;
}

function sessionText({ bytesIn, closeCode }: SessionCount): string {
  return closeCode === 0 ? `,"bytesIn":${bytesIn}` : `,"bytesIn":${bytesIn},"close":${closeCode}`;
}

/** How every line of a Snapshot ends. */
export function lineEndFrom(revision: bigint): string {
  return `,"revision":${revision}}`;
}

/** What a line says of the client: from the end of the trace id to the host. Made once for a connection. */
export function clientTextFrom(client: string, authority: string): string {
  return `","client":${jsonText(client)},"host":${jsonText(authority)}`;
}

const methodTexts: Readonly<Record<string, string>> = Object.fromEntries(
  ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"].map((method) => [method, methodTextFrom(method)]),
);

function methodText(method: string): string {
  return methodTexts[method] ?? methodTextFrom(method);
}

function methodTextFrom(method: string): string {
  return `,"method":${jsonText(method)},"path":"`;
}

const statusTexts: string[] = [];

function statusText(status: number): string {
  return (statusTexts[status] ??= `","status":${status},"durationMs":`);
}

const bucketTexts: string[] = [];

function bucketText(bucket: number): string {
  return (bucketTexts[bucket] ??= `,"bucket":${bucket}`);
}

let millisecond = NaN;
let opening = "";
let second = NaN;
let secondText = "";

/** The line up to the request id; made once a millisecond, the time up to the second once a second. */
function openingAt(nowMs: number): string {
  if (nowMs !== millisecond) {
    millisecond = nowMs;
    opening = `{"time":"${timeText(nowMs)}","level":"info","message":"request","requestId":"`;
  }
  return opening;
}

/** ISO 8601 with milliseconds. */
function timeText(nowMs: number): string {
  const at = Math.floor(nowMs / 1000);
  if (at !== second) {
    second = at;
    secondText = new Date(at * 1000).toISOString().slice(0, 20);
  }
  const ms = Math.floor(nowMs - at * 1000);
  return `${secondText}${ms < 10 ? "00" : ms < 100 ? "0" : ""}${ms}Z`;
}
