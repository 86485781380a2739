import { codes } from "@weir/kit/fault";
import { trailersFromBytes } from "@weir/kit/rpc/grpc-web";
import { grpcCodeFromConnect, grpcCodeIn, grpcOk, grpcUnsaid } from "./codes.ts";
import type { RpcForm } from "./form.ts";

const prefixBytes = 5;
/** An end that is longer than this is let through unread. */
const endBytesMax = 16_384;
const compressed = 1;

/**
 * Follows the envelopes in bytes that pass: where one ends and the next begins, and what the last says of how the call
 * ended. Holds nothing of the messages; of the end at most 16 KiB.
 */
export class EnvelopeWatch {
  /** The code that the end said; `grpcUnsaid` before, and when it cannot be told. */
  code: number = grpcUnsaid;
  readonly #form: RpcForm;
  readonly #endFlag: number;
  #prefixAt = 0;
  #flags = 0;
  #length = 0;
  /** Bytes of the present envelope's data still to come. */
  #left = 0;
  #end: Uint8Array | undefined = undefined;

  constructor(form: RpcForm) {
    this.#form = form;
    this.#endFlag = form === "connect-stream" ? 2 : 0x80;
  }

  /** Whether an envelope has come that claims to be the last. */
  hasEnded = false;

  /** Whether all that has passed was whole envelopes. */
  get atBoundary(): boolean {
    return this.#prefixAt === 0;
  }

  /** Bytes that pass. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#prefixAt < prefixBytes) {
        this.#prefix(bytes[at] as number);
        at++;
        continue;
      }
      const taken = Math.min(this.#left, bytes.length - at);
      if (this.#end !== undefined) this.#end.set(bytes.subarray(at, at + taken), this.#length - this.#left);
      this.#left -= taken;
      at += taken;
      if (this.#left === 0) this.#ended();
    }
  }

  #prefix(byte: number): void {
    if (this.#prefixAt === 0) {
      this.#flags = byte;
      this.#length = 0;
    } else this.#length = this.#length * 256 + byte;
    this.#prefixAt++;
    if (this.#prefixAt < prefixBytes) return;
    this.#left = this.#length;
    const isEnd = (this.#flags & this.#endFlag) !== 0;
    this.hasEnded ||= isEnd;
    const wanted = isEnd && (this.#flags & compressed) === 0 && this.#length <= endBytesMax;
    this.#end = wanted ? new Uint8Array(this.#length) : undefined;
    if (this.#left === 0) this.#ended();
  }

  #ended(): void {
    this.#prefixAt = 0;
    const end = this.#end;
    this.#end = undefined;
    if (end !== undefined) this.code = this.#form === "connect-stream" ? codeOfConnectEnd(end) : codeOfTrailers(end);
  }
}

function codeOfTrailers(bytes: Uint8Array): number {
  try {
    return grpcCodeIn(trailersFromBytes(bytes));
  } catch {
    return codes.UNKNOWN.grpc;
  }
}

function codeOfConnectEnd(bytes: Uint8Array): number {
  try {
    const end = JSON.parse(new TextDecoder().decode(bytes)) as { readonly error?: { readonly code?: unknown } };
    return end.error === undefined || end.error === null ? grpcOk : grpcCodeFromConnect(end.error.code);
  } catch {
    return codes.UNKNOWN.grpc;
  }
}
