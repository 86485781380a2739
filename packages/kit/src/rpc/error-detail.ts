/**
 * The two google.rpc details that every Weir fault carries over the wire, in protobuf's binary form by hand:
 * two strings and a duration do not need a codec. Source: google/rpc/error_details.proto.
 */

/** Full name of the detail that carries the stable reason. */
export const errorInfoTypeName = "google.rpc.ErrorInfo";

/** Full name of the detail that carries how long to wait before a retry. */
export const retryInfoTypeName = "google.rpc.RetryInfo";

/** A `google.rpc.ErrorInfo` without its metadata map. */
export interface ErrorInfo {
  readonly reason: string;
  readonly domain: string;
}

/** The binary form of an ErrorInfo. */
export function bytesFromErrorInfo(info: ErrorInfo): Uint8Array {
  const out: number[] = [];
  writeText(out, 1, info.reason);
  writeText(out, 2, info.domain);
  return Uint8Array.from(out);
}

/** Reads the binary form of an ErrorInfo; undefined when it is malformed. Unknown fields and the metadata map are skipped. */
export function errorInfoFromBytes(bytes: Uint8Array): ErrorInfo | undefined {
  const fields = readFields(bytes);
  if (!fields) return undefined;
  const text = (number: number): string => {
    const value = fields.get(number);
    return value instanceof Uint8Array ? new TextDecoder().decode(value) : "";
  };
  return { reason: text(1), domain: text(2) };
}

/** The binary form of a RetryInfo: Duration is seconds and nanoseconds. */
export function bytesFromRetryInfo(retryAfterMs: number): Uint8Array {
  const duration: number[] = [];
  const seconds = Math.floor(retryAfterMs / 1000);
  const nanos = Math.round((retryAfterMs - seconds * 1000) * 1e6);
  if (seconds > 0) writeNumber(duration, 1, seconds);
  if (nanos > 0) writeNumber(duration, 2, nanos);
  const out = [(1 << 3) | 2];
  writeVarint(out, duration.length);
  return Uint8Array.from([...out, ...duration]);
}

/** Reads the binary form of a RetryInfo into milliseconds; undefined when it is malformed. */
export function retryAfterMsFromBytes(bytes: Uint8Array): number | undefined {
  const delay = readFields(bytes)?.get(1);
  const fields = delay instanceof Uint8Array ? readFields(delay) : undefined;
  if (!fields) return undefined;
  const number = (key: number): number => Number(fields.get(key) ?? 0);
  return number(1) * 1000 + number(2) / 1e6;
}

/** "1.5s", the JSON form of a google.protobuf.Duration: at most nine digits after the point. */
export function durationTextFromMs(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(9).replace(/\.?0+$/, "")}s`;
}

/** Reads "1.5s"; undefined when it is something else. */
export function msFromDurationText(text: unknown): number | undefined {
  if (typeof text !== "string" || !/^\d{1,12}(\.\d{1,9})?s$/.test(text)) return undefined;
  return Number(text.slice(0, -1)) * 1000;
}

function writeText(out: number[], field: number, text: string): void {
  if (text === "") return;
  const bytes = new TextEncoder().encode(text);
  out.push((field << 3) | 2);
  writeVarint(out, bytes.length);
  out.push(...bytes);
}

function writeNumber(out: number[], field: number, value: number): void {
  out.push(field << 3);
  writeVarint(out, value);
}

function writeVarint(out: number[], value: number): void {
  let rest = value;
  while (rest > 127) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

/** The last value of each field: bytes or a number. Undefined when the bytes are not protobuf. */
function readFields(bytes: Uint8Array): Map<number, Uint8Array | number> | undefined {
  const fields = new Map<number, Uint8Array | number>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length && scale <= 2 ** 63; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return -1;
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag & 7;
    if (tag < 8) return undefined;
    const sizeOrValue = kind === 0 || kind === 2 ? varint() : kind === 1 ? 8 : kind === 5 ? 4 : -1;
    if (sizeOrValue < 0) return undefined;
    if (kind === 0) fields.set(tag >>> 3, sizeOrValue);
    else {
      if (at + sizeOrValue > bytes.length) return undefined;
      if (kind === 2) fields.set(tag >>> 3, bytes.subarray(at, at + sizeOrValue));
      at += sizeOrValue;
    }
  }
  return fields;
}
