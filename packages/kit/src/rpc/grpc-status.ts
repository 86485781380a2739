import { base64FromBytes, bytesFromBase64 } from "../contract/base64.ts";
import type { Code, Fault } from "../fault.ts";
import { codes, fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { bytesFromRpcStatus, rpcStatusFromBytes, travellingMs } from "./error-detail.ts";
import { faultFromReceived, travellingDetails } from "./fault-detail.ts";

const byNumber: readonly (Code | undefined)[] = (Object.keys(codes) as Code[]).reduce<(Code | undefined)[]>((list, code) => {
  list[codes[code].grpc] = code;
  return list;
}, []);

/** The code of a number; UNKNOWN for one that gRPC does not have. Not for 0, which is OK. */
export function codeFromGrpc(number: number): Code {
  return byNumber[number] ?? "UNKNOWN";
}

/** So that a status fits the 8 KiB that clients may take: one that does not is lost as a whole, and its code with it. */
const messageBytesMax = 2048;
const detailBytesMax = 4096;

const pushbackName = "grpc-retry-pushback-ms";
const pushbackMsMax = 2 ** 31 - 1;

/**
 * The trailers that say a Fault: grpc-status, grpc-message in percent-encoding, and with details grpc-status-details-bin, a
 * google.rpc.Status in unpadded base64. A message is cut at 2,048 bytes; details beyond 4,096 bytes are left out, and those whose
 * binary form is not known (see `detailFromMessage`). `retryAfterMs` is also grpc-retry-pushback-ms, rounded up, which clients that
 * retry by themselves obey. Sources: gRPC over HTTP2, "Responses"; gRPC proposal A6.
 */
export function trailersFromFault(found: Fault, domain: string): string[] {
  const { grpc } = codes[found.code];
  const trailers = ["grpc-status", String(grpc)];
  const message = shortened(found.message);
  if (message !== "") trailers.push("grpc-message", percentEncoded(message));
  const retryAfterMs = travellingMs(found.retryAfterMs);
  if (retryAfterMs !== undefined) trailers.push(pushbackName, String(Math.min(pushbackMsMax, Math.ceil(retryAfterMs))));
  const details: { typeName: string; bytes: Uint8Array }[] = [];
  let left = detailBytesMax;
  for (const { typeName, bytes } of travellingDetails(found, domain)) {
    const size = typeName.length + (bytes?.length ?? Infinity);
    if (!bytes || size > left) continue;
    left -= size;
    details.push({ typeName, bytes });
  }
  if (details.length > 0) {
    const bytes = bytesFromRpcStatus({ code: grpc, message, details });
    trailers.push("grpc-status-details-bin", base64FromBytes(bytes).replace(/=+$/, ""));
  }
  return trailers;
}

function shortened(text: string): string {
  let short = text.slice(0, messageBytesMax);
  for (let length = percentEncoded(short).length; length > messageBytesMax; length = percentEncoded(short).length) {
    short = short.slice(0, Math.floor((short.length * messageBytesMax) / length));
  }
  // Half a character is none.
  return short.length < text.length && /[\ud800-\udbff]$/.test(short) ? short.slice(0, -1) : short;
}

/** Whether headers or trailers say a status: then nothing follows. */
export function hasGrpcStatus(headers: readonly string[]): boolean {
  return valueOf(headers, "grpc-status") !== undefined;
}

/**
 * The Fault that trailers say; undefined for OK. Trailers that say no status are one too: PEER_ANSWER_INVALID. A status that gRPC does not have is UNKNOWN;
 * details that cannot be read are passed over. grpc-retry-pushback-ms counts where no RetryInfo says more exactly; a negative one, "do
 * not retry", says no time.
 */
export function faultFromTrailers(trailers: readonly string[]): Fault | undefined {
  const status = valueOf(trailers, "grpc-status");
  if (status === "0") return undefined;
  if (status === undefined) return fault(kitReasons.PEER_ANSWER_INVALID, "Expected grpc-status in the trailers, found none.");
  const held = valueOf(trailers, "grpc-status-details-bin");
  const bytes = held === undefined ? undefined : bytesFromBase64(held);
  const inner = bytes && rpcStatusFromBytes(bytes);
  const message = valueOf(trailers, "grpc-message");
  return faultFromReceived({
    code: /^\d{1,2}$/.test(status) ? codeFromGrpc(Number(status)) : "UNKNOWN",
    message: message === undefined ? (inner?.message ?? "") : percentDecoded(message),
    details: (inner?.details ?? []).map((detail) => ({ typeName: detail.typeName, value: undefined, bytes: detail.bytes })),
    retryAfterMs: pushbackMs(valueOf(trailers, pushbackName)),
  });
}

function pushbackMs(text: string | undefined): number | undefined {
  const ms = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : Infinity;
  return ms <= pushbackMsMax ? ms : undefined;
}

/** Names of headers and trailers that gRPC itself writes; metadata cannot. */
export function isGrpcName(name: string): boolean {
  return name.startsWith("grpc-");
}

/** Text as grpc-message holds it: UTF-8 with everything but printable ASCII, and "%", as %XX. Source: gRPC over HTTP2, "Percent-Encoded". */
export function percentEncoded(text: string): string {
  if (!/[^ -$&-~]/.test(text)) return text;
  let out = "";
  for (const byte of new TextEncoder().encode(text)) {
    out += byte < 0x20 || byte > 0x7e || byte === 0x25 ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}` : String.fromCharCode(byte);
  }
  return out;
}

/** Text of a grpc-message; what is not percent-encoded rightly stays as it is. */
export function percentDecoded(text: string): string {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const hex = text.charCodeAt(at) === 0x25 ? text.slice(at + 1, at + 3) : "";
    if (/^[0-9A-Fa-f]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    } else bytes.push(text.charCodeAt(at) & 0xff);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function valueOf(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) if (headers[index] === name) return headers[index + 1];
  return undefined;
}
