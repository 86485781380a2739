/**
 * The google.rpc messages that every Weir fault carries over the wire, in protobuf's binary form by hand: they are few and
 * do not need a codec. Source: google/rpc/error_details.proto.
 */

/** Full name of the detail that carries the stable reason. */
export const errorInfoTypeName = "google.rpc.ErrorInfo";

/** Full name of the detail that carries how long to wait before a retry. */
export const retryInfoTypeName = "google.rpc.RetryInfo";

/** Full name of the detail that says which fields of a request are wrong. */
export const badRequestTypeName = "google.rpc.BadRequest";

/** A `google.rpc.BadRequest`; what is empty is absent. */
export interface BadRequest {
  readonly fieldViolations: readonly FieldViolation[];
}

/** Why one field is wrong. */
export interface FieldViolation {
  readonly field?: string;
  readonly description?: string;
  readonly reason?: string;
}

const violationFields = [
  [1, "field"],
  [2, "description"],
  [3, "reason"],
] as const;

/** A `google.rpc.ErrorInfo`. */
export interface ErrorInfo {
  readonly reason: string;
  readonly domain: string;
  /** Absent when it is empty. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The binary form of an ErrorInfo. */
export function bytesFromErrorInfo(info: ErrorInfo): Uint8Array {
  const out: number[] = [];
  writeText(out, 1, info.reason);
  writeText(out, 2, info.domain);
  for (const [key, value] of Object.entries(info.metadata ?? {})) {
    const entry: number[] = [];
    writeText(entry, 1, key);
    writeText(entry, 2, value);
    writeBytes(out, 3, entry);
  }
  return Uint8Array.from(out);
}

/** Reads the binary form of an ErrorInfo; undefined when it is malformed. Unknown fields are skipped. */
export function errorInfoFromBytes(bytes: Uint8Array): ErrorInfo | undefined {
  const fields = readFields(bytes);
  if (!fields) return undefined;
  const metadata: [string, string][] = [];
  for (const [number, value] of fields) {
    const entry = number === 3 && value instanceof Uint8Array ? readFields(value) : undefined;
    if (entry) metadata.push([textOf(entry, 1), textOf(entry, 2)]);
  }
  const info = { reason: textOf(fields, 1), domain: textOf(fields, 2) };
  return metadata.length === 0 ? info : { ...info, metadata: Object.fromEntries(metadata) };
}

/** The binary form of a RetryInfo: Duration is seconds and nanoseconds. */
export function bytesFromRetryInfo(retryAfterMs: number): Uint8Array {
  const duration: number[] = [];
  const seconds = Math.floor(retryAfterMs / 1000);
  const nanos = Math.round((retryAfterMs - seconds * 1000) * 1e6);
  if (seconds > 0) writeNumber(duration, 1, seconds);
  if (nanos > 0) writeNumber(duration, 2, nanos);
  const out: number[] = [];
  writeBytes(out, 1, duration);
  return Uint8Array.from(out);
}

/** Reads the binary form of a RetryInfo into milliseconds; undefined when it is malformed. */
export function retryAfterMsFromBytes(bytes: Uint8Array): number | undefined {
  const delay = lastOf(readFields(bytes) ?? [], 1);
  const fields = delay instanceof Uint8Array ? readFields(delay) : undefined;
  if (!fields) return undefined;
  const number = (key: number): number => Number(lastOf(fields, key) ?? 0);
  return number(1) * 1000 + number(2) / 1e6;
}

/** The binary form of a BadRequest, of what in a JSON form is one. */
export function bytesFromBadRequest(json: Readonly<Record<string, unknown>>): Uint8Array {
  const out: number[] = [];
  const violations: readonly unknown[] = Array.isArray(json["fieldViolations"]) ? json["fieldViolations"] : [];
  for (const violation of violations) {
    if (typeof violation !== "object" || violation === null) continue;
    const one: number[] = [];
    for (const [number, name] of violationFields) {
      const text = (violation as Record<string, unknown>)[name];
      if (typeof text === "string") writeText(one, number, text);
    }
    writeBytes(out, 1, one);
  }
  return Uint8Array.from(out);
}

/** Reads the binary form of a BadRequest; undefined when it is malformed. Unknown fields are skipped. */
export function badRequestFromBytes(bytes: Uint8Array): BadRequest | undefined {
  const all = readFields(bytes);
  if (!all) return undefined;
  const fieldViolations: FieldViolation[] = [];
  for (const [number, value] of all) {
    if (number !== 1) continue;
    const fields = value instanceof Uint8Array ? readFields(value) : undefined;
    if (!fields) return undefined;
    const texts = violationFields.map(([key, name]) => [name, textOf(fields, key)]).filter(([, text]) => text !== "");
    fieldViolations.push(Object.fromEntries(texts) as FieldViolation);
  }
  return { fieldViolations };
}

/** Ten thousand years, as long as a google.protobuf.Duration may be. */
const durationMsMax = 315_576_000_000_000;

/** A time to wait as it travels: undefined for one that is none (negative, NaN, infinite), never more than a Duration holds. */
export function travellingMs(retryAfterMs: number | undefined): number | undefined {
  if (retryAfterMs === undefined || !(retryAfterMs >= 0 && retryAfterMs < Infinity)) return undefined;
  return Math.min(retryAfterMs, durationMsMax);
}

/** "1.5s", the JSON form of a google.protobuf.Duration: at most nine digits after the point. */
export function durationTextFromMs(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(9).replace(/\.?0+$/, "")}s`;
}

/** Reads "1.5s"; undefined when it is something else. */
export function msFromDurationText(text: unknown): number | undefined {
  const [, seconds, fraction = ""] = (typeof text === "string" && /^(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text)) || [];
  // Apart, since seconds times a thousand would be rounded: 1.001 to 1000.9999999999999.
  return seconds === undefined ? undefined : Number(seconds) * 1000 + Number(fraction.padEnd(9, "0")) / 1e6;
}

/** A `google.rpc.Status`: what grpc-status-details-bin holds. Source: google/rpc/status.proto. */
export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  readonly details: readonly { readonly typeName: string; readonly bytes: Uint8Array }[];
}

/** The binary form of a Status. Each detail is an Any under "type.googleapis.com/". */
export function bytesFromRpcStatus(status: RpcStatus): Uint8Array {
  const out: number[] = [];
  if (status.code !== 0) writeNumber(out, 1, status.code);
  writeText(out, 2, status.message);
  for (const { typeName, bytes } of status.details) {
    const any: number[] = [];
    writeText(any, 1, `type.googleapis.com/${typeName}`);
    if (bytes.length > 0) writeBytes(any, 2, bytes);
    writeBytes(out, 3, any);
  }
  return Uint8Array.from(out);
}

/** Reads the binary form of a Status; undefined when it is malformed. Unknown fields are skipped. */
export function rpcStatusFromBytes(bytes: Uint8Array): RpcStatus | undefined {
  const fields = readFields(bytes);
  if (!fields) return undefined;
  const details: { typeName: string; bytes: Uint8Array }[] = [];
  for (const [number, value] of fields) {
    if (number !== 3 || !(value instanceof Uint8Array)) continue;
    const any = readFields(value);
    if (!any) return undefined;
    const held = lastOf(any, 2);
    const url = textOf(any, 1);
    details.push({ typeName: url.slice(url.lastIndexOf("/") + 1), bytes: held instanceof Uint8Array ? held : new Uint8Array(0) });
  }
  return { code: Number(lastOf(fields, 1) ?? 0), message: textOf(fields, 2), details };
}

type Field = readonly [number: number, value: Uint8Array | number];

function lastOf(fields: readonly Field[], number: number): Uint8Array | number | undefined {
  return fields.findLast((field) => field[0] === number)?.[1];
}

function textOf(fields: readonly Field[], number: number): string {
  const value = lastOf(fields, number);
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : "";
}

function writeText(out: number[], field: number, text: string): void {
  if (text !== "") writeBytes(out, field, new TextEncoder().encode(text));
}

function writeBytes(out: number[], field: number, bytes: ArrayLike<number>): void {
  out.push((field << 3) | 2);
  writeVarint(out, bytes.length);
  for (let index = 0; index < bytes.length; index++) out.push(bytes[index] as number);
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

/** Fields in their order, each bytes or a number. Undefined when the bytes are not protobuf. */
function readFields(bytes: Uint8Array): Field[] | undefined {
  const fields: Field[] = [];
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
    if (kind === 0) fields.push([tag >>> 3, sizeOrValue]);
    else {
      if (at + sizeOrValue > bytes.length) return undefined;
      if (kind === 2) fields.push([tag >>> 3, bytes.slice(at, at + sizeOrValue)]);
      at += sizeOrValue;
    }
  }
  return fields;
}
