import type { Fault } from "../fault.ts";
import { fault, isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Compressor } from "./compression.ts";
import { tooLarge } from "./http-send.ts";
import type { Encoding } from "./message-codec.ts";

/** How a client compresses. Every message by itself, so that neither side keeps state for a stream. */
export interface Compression {
  /** What answers may be compressed with; it is said to the other side. Default none. */
  readonly accepts?: readonly Compressor[];
  /** What requests are compressed with. Default nothing: not every server reads it. */
  readonly sends?: Compressor;
  /** Messages of a request shorter than this go as they are. Default 1,024 bytes. */
  readonly bytesMin?: number;
}

/** What the client of every protocol may be told. */
export interface ProtocolOptions {
  /** How messages are written. Default "proto"; for Connect "json". */
  readonly encoding?: Encoding;
  /** Default none, neither way. */
  readonly compression?: Compression;
  /** Bytes of one message of an answer at most, after decompression too; more is RESPONSE_TOO_LARGE. Default 4 MiB. */
  readonly answerBytesMax?: number;
}

/** Compression with every default filled in, and with what protocols write into headers. */
export interface CompressionSettings {
  /** Names for an accept header; undefined when nothing is accepted. */
  readonly acceptNames: string | undefined;
  readonly sends: Compressor | undefined;
  readonly bytesMin: number;
  /** Undefined for a name that is not accepted. */
  find(name: string): Compressor | undefined;
}

/** Default of `answerBytesMax`. */
export const answerBytesMaxDefault: number = 4 * 1024 * 1024;

/** Fills in the defaults. */
export function compressionSettings(compression: Compression = {}): CompressionSettings {
  const { accepts = [], sends, bytesMin = 1024 } = compression;
  const acceptNames = accepts.length === 0 ? undefined : accepts.map(({ name }) => name).join(",");
  return { acceptNames, sends, bytesMin, find: (name) => accepts.find((one) => one.name === name) };
}

/** The plain bytes of what an answer holds compressed under this name. What cannot be read is the other side's mistake. */
export function decompressed(
  bytes: Uint8Array,
  name: string | undefined,
  about: { readonly settings: CompressionSettings; readonly bytesMax: number },
): Uint8Array | Promise<Uint8Array> {
  const compressor = name === undefined || name === "identity" ? undefined : about.settings.find(name);
  if (compressor === undefined) {
    const { acceptNames } = about.settings;
    const expected =
      acceptNames === undefined ? "an answer that is not compressed" : `an answer compressed with ${acceptNames} or not at all`;
    throw fault(kitReasons.PEER_ANSWER_INVALID, `Expected ${expected}, found ${name === undefined ? "one under no name" : `"${name}"`}.`);
  }
  const failed = (thrown: unknown): Fault =>
    isFault(thrown) && thrown.code === "RESOURCE_EXHAUSTED"
      ? tooLarge(about.bytesMax)
      : fault(kitReasons.PEER_ANSWER_INVALID, `Expected an answer compressed with ${compressor.name}, found other bytes.`, {
          cause: thrown,
        });
  try {
    const plain = compressor.decompress(bytes, about.bytesMax);
    if (plain instanceof Uint8Array) return plain;
    return plain.catch((thrown: unknown) => {
      throw failed(thrown);
    });
  } catch (thrown) {
    throw failed(thrown);
  }
}
