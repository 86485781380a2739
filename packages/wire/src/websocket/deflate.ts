import { createDeflateRaw, createInflateRaw, constants, deflateRaw, inflateRaw, type DeflateRaw, type InflateRaw } from "node:zlib";
import { WireError, wireReasons } from "../reasons.ts";
import { closedError } from "./errors.ts";
import type { DeflateAgreement, DeflateSettings } from "./deflate-options.ts";

const tail = Buffer.from([0, 0, 0xff, 0xff]);
const finishFlush = constants.Z_SYNC_FLUSH;

/** Compression of one session. Without takeover it holds nothing between messages. RFC 7692 §7.2. */
export class MessageDeflate {
  readonly #settings: DeflateSettings;
  readonly #agreement: DeflateAgreement;
  readonly #messageBytesMax: number;
  #deflater: DeflateRaw | undefined = undefined;
  #inflater: InflateRaw | undefined = undefined;
  #closed = false;

  constructor(settings: DeflateSettings, agreement: DeflateAgreement, messageBytesMax: number) {
    this.#settings = settings;
    this.#agreement = agreement;
    this.#messageBytesMax = messageBytesMax;
  }

  get thresholdBytes(): number {
    return this.#settings.thresholdBytes;
  }

  /** Compresses a message. One at a time. */
  deflate(bytes: Uint8Array): Promise<Uint8Array> {
    const { level, turns } = this.#settings;
    const { sendTakeover, sendWindowBits: windowBits } = this.#agreement;
    return turns.take(async () => {
      if (this.#closed) throw closedError();
      let compressed: Uint8Array;
      if (sendTakeover) {
        this.#deflater ??= createDeflateRaw({ level, windowBits });
        compressed = await through(this.#deflater, [bytes], Infinity);
      } else compressed = await deflatedOnce(bytes, { level, windowBits, finishFlush });
      // RFC 7692 §7.2.1: the four bytes that a flush ends with are left out.
      return compressed.subarray(0, compressed.length - tail.length);
    });
  }

  /** Decompresses a message. Rejects with WEBSOCKET_MESSAGE_TOO_LARGE before more than messageBytesMax are made. One at a time. */
  inflate(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#settings.turns.take(() => {
      if (this.#closed) return Promise.reject(closedError());
      if (!this.#agreement.receiveTakeover) return inflatedOnce(Buffer.concat([bytes, tail]), this.#messageBytesMax);
      this.#inflater ??= createInflateRaw();
      return through(this.#inflater, [bytes, tail], this.#messageBytesMax);
    });
  }

  /** Frees what zlib holds. */
  close(): void {
    this.#closed = true;
    this.#deflater?.destroy();
    this.#inflater?.destroy();
  }
}

function deflatedOnce(bytes: Uint8Array, options: { level: number; windowBits: number; finishFlush: number }): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflateRaw(bytes, options, (error, result) => (error === null ? resolve(result) : reject(inflateError(error))));
  });
}

function inflatedOnce(bytes: Uint8Array, maxOutputLength: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    inflateRaw(bytes, { maxOutputLength, finishFlush, info: true }, (error: Error | null, result: unknown) => {
      if (error !== null) {
        reject(largeError(error, maxOutputLength) ?? inflateError(error));
        return;
      }
      const { buffer, engine } = result as { buffer: Uint8Array; engine: InflateRaw };
      // A final block ends the stream; what may follow is an empty block (RFC 7692 §7.2.3.4), and nothing that would be lost.
      if (bytes.length - engine.bytesWritten > tail.length + 1) reject(inflateError(new Error("data after the final block")));
      else resolve(buffer);
    });
  });
}

/** Pushes one message through a stream that lives as long as its session. */
function through(stream: DeflateRaw | InflateRaw, parts: readonly Uint8Array[], bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const leave = (): void => {
      stream.off("data", onData);
      stream.off("error", onError);
      stream.off("close", onClose);
    };
    const onError = (error: Error): void => {
      leave();
      reject(inflateError(error));
    };
    const onClose = (): void => onError(new Error("closed"));
    const onData = (chunk: Uint8Array): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= bytesMax) return;
      leave();
      stream.destroy();
      reject(largeError({ code: "ERR_BUFFER_TOO_LARGE" }, bytesMax) as WireError);
    };
    stream.on("data", onData);
    stream.on("error", onError);
    stream.on("close", onClose);
    for (const part of parts) stream.write(part);
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      if (stream.destroyed) return;
      leave();
      resolve(Buffer.concat(chunks));
    });
  });
}

function largeError(error: { readonly code?: unknown } | Error, bytesMax: number): WireError | undefined {
  if (!("code" in error) || error.code !== "ERR_BUFFER_TOO_LARGE") return undefined;
  return new WireError(
    wireReasons.WEBSOCKET_MESSAGE_TOO_LARGE,
    `expected a message of at most ${bytesMax} bytes, found more once decompressed`,
  );
}

function inflateError(cause: Error): WireError {
  return new WireError(wireReasons.WEBSOCKET_DEFLATE_INVALID, `expected a message compressed with deflate, found ${cause.message}`, {
    cause,
  });
}
