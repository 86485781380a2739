import type { Call } from "../call.ts";
import type { Fault } from "../fault.ts";
import { fault, faultFrom, isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Service } from "../service.ts";
import { codeFromHttpStatus } from "./error-json.ts";

/** A request of an RPC protocol in plain HTTP terms. wire's client takes it as it is. */
export interface SendRequest {
  readonly method: "POST" | "GET";
  /** Path and query: "/weir.feed.v1.Feed/Page". */
  readonly target: string;
  /** Names and values in turn, names in lower case. */
  readonly headers: string[];
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Whether its contract says that it may be sent twice; a balanced client then does so when the first did not go well. */
  readonly idempotent: boolean;
}

/** The body of an answer in pieces. Leaving its loop early gives the answer up. */
export interface SendBody extends AsyncIterable<Uint8Array> {
  /** All bytes, when they are there already. */
  readonly whole?: Uint8Array | undefined;
  /** HTTP trailers, to be asked for after the last piece, or at once when it is `whole`. Only gRPC needs them. */
  trailers?(): string[] | undefined;
}

/** An HTTP answer. What wire's client answers fits. */
export interface SendAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body?: Uint8Array | SendBody | undefined;
}

/**
 * Sends an HTTP request. It answers as soon as the head of the answer is there, gives up when the call ends (`call.onEnd` or `call.signal`),
 * and rejects when the other side cannot be reached: a Fault stays, anything else becomes PEER_UNREACHABLE.
 */
export type Send = Service<SendRequest, SendAnswer>;

/** The first value of a header, or undefined. */
export function headerOf(answer: SendAnswer, name: string): string | undefined {
  const { headers } = answer;
  for (let index = 0; index < headers.length; index += 2) if (headers[index] === name) return headers[index + 1];
  return undefined;
}

/** Puts what came at the end of an answer where its caller finds it. */
export function addTrailers(call: Call, metadata: readonly string[]): void {
  if (metadata.length > 0) for (const item of metadata) call.replyTrailers.push(item);
}

/** Gives up the body of an answer that nobody will read, so that the connection or the stream is free. */
export function leaveAnswer(answer: SendAnswer): void {
  const { body } = answer;
  if (body === undefined || body instanceof Uint8Array || body.whole !== undefined) return;
  leave(body[Symbol.asyncIterator]());
}

/** Tells an iterator that nobody will read on. What it answers concerns nobody. */
export function leave(iterator: AsyncIterator<unknown>): void {
  try {
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  } catch {
    // Whoever refuses to be left is left all the same.
  }
}

const nothing = new Uint8Array(0);

/** All bytes of a body. Rejects with RESPONSE_TOO_LARGE beyond `bytesMax`; then the body is left. */
export async function bytesFromAnswer(body: SendAnswer["body"], bytesMax: number): Promise<Uint8Array> {
  const whole = body instanceof Uint8Array ? body : body === undefined ? nothing : body.whole;
  if (whole !== undefined) {
    if (whole.length > bytesMax) throw tooLarge(bytesMax);
    return whole;
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body as SendBody) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return joined(chunks, bytes);
}

/** One array of several; the only one stays as it is. */
export function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/**
 * The Fault of an answer that is plain HTTP: something on the way answered, and its status is all there is. `retry-after` in seconds is kept.
 * Source: gRPC http-grpc-status-mapping.md; Connect protocol, "HTTP to error code" says the same.
 */
export function faultFromHttp(answer: SendAnswer, expected: string): Fault {
  const seconds = headerOf(answer, "retry-after");
  const retryAfterMs = seconds !== undefined && /^\d{1,9}$/.test(seconds) ? Number(seconds) * 1000 : undefined;
  const reason = { reason: kitReasons.PEER_HTTP_STATUS.reason, code: codeFromHttpStatus(answer.status) };
  return fault(reason, `Expected an answer of ${expected}, found HTTP status ${answer.status}.`, { retryAfterMs });
}

/** RESPONSE_TOO_LARGE. */
export function tooLarge(bytesMax: number): Fault {
  return fault(kitReasons.RESPONSE_TOO_LARGE, `Expected an answer of at most ${bytesMax} bytes, found more.`);
}

/** The Fault of a call that ended before it was sent; undefined when there is time left. */
export function endedBefore(call: Call): Fault | undefined {
  if (call.deadlineMs !== Infinity && call.remainingMs() === 0) {
    call.cancel(fault({ reason: "DEADLINE_EXCEEDED", code: "DEADLINE_EXCEEDED" }, "The deadline passed before the call was made."));
  }
  return call.ended;
}

/** What a lost or refused exchange means for the call: why the call ended, if it did; else the Fault; else PEER_UNREACHABLE. */
export function faultFromSend(thrown: unknown, call: Call): Fault {
  if (call.ended) return call.ended;
  if (isFault(thrown)) return faultFromReset(thrown as Fault & MaybeReset, call);
  const name = typeof thrown === "object" && thrown !== null && "name" in thrown ? thrown.name : "";
  if (name === "AbortError" || name === "TimeoutError") return faultFrom(thrown);
  return fault(kitReasons.PEER_UNREACHABLE, `The other side of ${call.method} could not be reached, or the connection broke.`, {
    cause: thrown,
  });
}

/** What wire's error says of a stream that the other side has reset. */
interface MaybeReset {
  readonly http2Code?: number | undefined;
}

const streamReset = "UPSTREAM_STREAM_RESET";
const http2Cancel = 8;

/** Codes of HTTP/2 in the words of gRPC. Source: gRPC PROTOCOL-HTTP2.md, "HTTP2 Transport Mapping", errors. */
const codesByHttp2: Readonly<Record<number, Fault["code"]>> = {
  0: "INTERNAL",
  1: "INTERNAL",
  2: "INTERNAL",
  3: "INTERNAL",
  4: "INTERNAL",
  5: "UNKNOWN",
  6: "INTERNAL",
  7: "UNAVAILABLE",
  [http2Cancel]: "CANCELLED",
  9: "INTERNAL",
  10: "INTERNAL",
  11: "RESOURCE_EXHAUSTED",
  12: "PERMISSION_DENIED",
  13: "INTERNAL",
};

function faultFromReset(thrown: Fault & MaybeReset, call: Call): Fault {
  if (thrown.http2Code === undefined || thrown.reason !== streamReset) return thrown;
  // A server that gives up at the deadline may be a moment ahead of our own timer.
  const late = thrown.http2Code === http2Cancel && call.remainingMs() === 0;
  const code = late ? "DEADLINE_EXCEEDED" : (codesByHttp2[thrown.http2Code] ?? "UNKNOWN");
  return fault({ reason: thrown.reason, code }, thrown.message, { cause: thrown });
}
