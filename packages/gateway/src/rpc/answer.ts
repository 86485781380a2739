import { codes, fault } from "@weir/kit/fault";
import { createTextBodyReader } from "@weir/kit/rpc/grpc-web";
import { headerValue, type BodyStream, type ClientResponse, type HeaderList } from "@weir/wire";
import { leaveBody } from "../http/made-body.ts";
import { faultOfVerdict, messageOf, verdictOf } from "../http/refusal.ts";
import { over, type Passage } from "../passage.ts";
import { gatewayReasons } from "../reasons.ts";
import { codeFromForeignStatus, grpcCodeIn, grpcUnsaid } from "./codes.ts";
import { failureEnvelope, failureTrailers } from "./end.ts";
import { EnvelopeWatch } from "./envelope-watch.ts";
import type { RpcForm } from "./form.ts";

/**
 * An endpoint's answer to a call: notes on the passage the code that it ends with, when that is known already. What is no
 * answer of gRPC becomes a failure of gRPC.
 */
export function rpcAnswer(response: ClientResponse, passage: Passage): ClientResponse {
  const form = passage.rpc as RpcForm;
  passage.grpcCode = grpcUnsaid;
  if (form === "connect") return response;
  if (form === "grpc" && !isGrpc(response)) return foreign(response, passage);
  passage.grpcCode = grpcCodeIn(response.headers);
  const { body } = response;
  if (passage.grpcCode !== grpcUnsaid || response.status !== 200) return response;
  if (form === "grpc") {
    if (body === undefined || body instanceof Uint8Array) passage.grpcCode = codes.UNKNOWN.grpc;
    else if (body.whole !== undefined) passage.grpcCode = codeOfTrailers(body);
    return response;
  }
  const whole = body instanceof Uint8Array ? body : body?.whole;
  if (whole === undefined && body !== undefined) return response;
  const watch = watchOf(form);
  if (whole !== undefined) watch.push(whole);
  passage.grpcCode = watch.code === grpcUnsaid ? codes.UNKNOWN.grpc : watch.code;
  return response;
}

/**
 * A call's answer while it flows. The code that it ends with is noted before its ending is told. When the endpoint breaks
 * off, the client is told so in its own form: by trailers, or by an end behind whole envelopes; else the answer breaks off
 * for it too.
 */
export function followedRpc(stream: BodyStream, passage: Passage): BodyStream {
  const form = passage.rpc as RpcForm;
  let ends: HeaderList | undefined;
  const watch = form === "grpc" ? undefined : watchOf(form);

  function ended(): void {
    if (passage.grpcCode === grpcUnsaid) passage.grpcCode = watch === undefined ? codeOfTrailers(stream) : endCode(watch);
    over(passage, { kind: "whole" });
  }
  /** The bytes that say the failure; none when trailers say it. Throws again when nothing can. */
  function broken(thrown: unknown): Uint8Array | undefined {
    const verdict = verdictOf(thrown);
    const failure = faultOfVerdict(verdict, messageOf(verdict, passage), passage);
    passage.grpcCode = codes[failure.code].grpc;
    over(passage, { kind: "broken", thrown });
    if (form === "grpc") {
      ends = failureTrailers(failure, passage.domain);
      return undefined;
    }
    if (watch?.atBoundary !== true || watch.code !== grpcUnsaid) throw thrown;
    return failureEnvelope(form, failure, passage.domain);
  }
  return {
    length: stream.length,
    trailers: () => ends ?? stream.trailers?.(),
    [Symbol.asyncIterator]: () => {
      const chunks = stream[Symbol.asyncIterator]();
      let last = false;
      return {
        async next() {
          if (last) return { done: true, value: undefined };
          try {
            const result = await chunks.next();
            if (result.done === true) ended();
            else {
              passage.bytesOut += result.value.length;
              watch?.push(result.value);
            }
            return result;
          } catch (thrown) {
            last = true;
            const value = broken(thrown);
            return value === undefined ? { done: true, value } : { done: false, value };
          }
        },
        async return() {
          last = true;
          over(passage, { kind: "left" });
          await chunks.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** Trailers that say no status are no good end. */
function codeOfTrailers(stream: BodyStream): number {
  const code = grpcCodeIn(stream.trailers?.());
  return code === grpcUnsaid ? codes.UNKNOWN.grpc : code;
}

function endCode({ code }: Watch): number {
  return code === grpcUnsaid ? codes.UNKNOWN.grpc : code;
}

type Watch = Pick<EnvelopeWatch, "push" | "code" | "atBoundary">;

function watchOf(form: RpcForm): Watch {
  return form === "grpc-web-text" ? new TextWatch() : new EnvelopeWatch(form);
}

/** Follows envelopes in base64 text. Text that cannot be read is let pass; then nothing is known of its end. */
class TextWatch {
  readonly #watch = new EnvelopeWatch("grpc-web");
  readonly #reader = createTextBodyReader(gatewayReasons.GRPC_WEB_TEXT_INVALID);
  #unreadable = false;
  #quadAt = 0;

  get code(): number {
    return this.#watch.code;
  }

  /** Behind whole quads of base64 only can more of it follow. */
  get atBoundary(): boolean {
    return !this.#unreadable && this.#quadAt === 0 && this.#watch.atBoundary;
  }

  push(piece: Uint8Array): void {
    if (this.#unreadable) return;
    this.#quadAt = (this.#quadAt + piece.length) % 4;
    try {
      this.#watch.push(this.#reader.push(piece));
    } catch {
      this.#unreadable = true;
    }
  }
}

function isGrpc({ status, headers }: ClientResponse): boolean {
  const type = status === 200 ? headerValue(headers, "content-type") : undefined;
  return type !== undefined && type.startsWith("application/grpc") && !type.startsWith("application/grpc-web");
}

/** An answer that is not gRPC, as a failure of gRPC. Source: grpc, doc/http-grpc-status-mapping.md. */
function foreign(response: ClientResponse, passage: Passage): ClientResponse {
  const { status, body } = response;
  if (body !== undefined && !(body instanceof Uint8Array)) leaveBody(body);
  const code = codeFromForeignStatus(status);
  const found = `Expected an answer of gRPC from ${passage.cluster?.service}@${passage.cluster?.version}, found HTTP status ${status}`;
  const type = headerValue(response.headers, "content-type");
  const failure = fault({ ...gatewayReasons.UPSTREAM_NOT_GRPC, code }, type === undefined ? `${found}.` : `${found} with ${type}.`);
  passage.grpcCode = codes[code].grpc;
  passage.cause = gatewayReasons.UPSTREAM_NOT_GRPC.cause;
  const contentType = headerValue(passage.headers, "content-type") ?? "application/grpc";
  return { status: 200, headers: ["content-type", contentType, ...failureTrailers(failure, passage.domain)] };
}
