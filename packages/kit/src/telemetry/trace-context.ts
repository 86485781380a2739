import type { TraceContext } from "../call.ts";
import type { Clock } from "../clock.ts";

const emptyTraceId = "0".repeat(32);
const emptySpanId = "0".repeat(16);

/**
 * Reads a `traceparent` header; undefined when it is malformed, which the specification says to treat as absent.
 * Versions above 00 are read by their first four fields. Source: W3C Trace Context, "traceparent Header".
 */
export function traceFromTraceparent(header: string): TraceContext | undefined {
  if (header.length < 55 || header[2] !== "-" || header[35] !== "-" || header[52] !== "-") return undefined;
  const version = header.slice(0, 2);
  if (!isHex(version) || version === "ff" || (version === "00" ? header.length !== 55 : header.length > 55 && header[55] !== "-"))
    return undefined;
  const traceId = header.slice(3, 35);
  const spanId = header.slice(36, 52);
  const flags = header.slice(53, 55);
  if (!isHex(traceId) || !isHex(spanId) || !isHex(flags) || traceId === emptyTraceId || spanId === emptySpanId) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The `traceparent` header of a trace. */
export function traceparentFrom(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? "01" : "00"}`;
}

/** The same trace with a span of its own: what a server works under after a caller sent its trace. */
export function childSpan(trace: TraceContext, clock: Clock): TraceContext {
  return { traceId: trace.traceId, spanId: createSpanId(clock), sampled: trace.sampled };
}

/** 16 hex digits, never all zero. */
export function createSpanId(clock: Clock): string {
  return hex32(clock) + hex32(clock);
}

function hex32(clock: Clock): string {
  // From 1, so that no half is ever zero.
  return (1 + Math.floor(clock.random() * 0xffffffff)).toString(16).padStart(8, "0");
}

function isHex(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return false;
  }
  return true;
}
