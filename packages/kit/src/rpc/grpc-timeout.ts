import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";

/** Milliseconds of each unit of grpc-timeout. */
const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

const digitsMax = 8;
const valueMax = 10 ** digitsMax - 1;

/**
 * Milliseconds of a grpc-timeout header: at most eight digits and a unit. Throws TIMEOUT_INVALID.
 * Source: gRPC over HTTP2, "Timeout".
 */
export function timeoutMsFromGrpc(header: string): number {
  const scale = unitMs[header.charAt(header.length - 1)];
  const digits = header.length - 1;
  let value = 0;
  let isNumber = scale !== undefined && digits > 0 && digits <= digitsMax;
  for (let index = 0; isNumber && index < digits; index++) {
    const digit = header.charCodeAt(index) - 48;
    isNumber = digit >= 0 && digit <= 9;
    value = value * 10 + digit;
  }
  if (isNumber && scale !== undefined) return value * scale;
  throw fault(
    kitReasons.TIMEOUT_INVALID,
    `Expected at most eight digits and one of H, M, S, m, u, n in grpc-timeout, found "${header.slice(0, 40)}".`,
  );
}

/**
 * A grpc-timeout header of a duration that is not infinite: in the finest unit of milliseconds and coarser that its digits
 * allow, rounded up, and at most 99,999,999 hours. What has passed already is "0m"; less than a millisecond is microseconds.
 */
export function grpcTimeoutFromMs(durationMs: number): string {
  if (durationMs <= 0) return "0m";
  if (durationMs < 1) return `${Math.ceil(durationMs * 1000)}u`;
  for (const unit of ["m", "S", "M"]) {
    const value = Math.ceil(durationMs / (unitMs[unit] as number));
    if (value <= valueMax) return `${value}${unit}`;
  }
  return `${Math.min(valueMax, Math.ceil(durationMs / (unitMs["H"] as number)))}H`;
}
