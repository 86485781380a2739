import { envelopeFromMessage } from "../../contract/binary-writer.ts";
import type { MethodDescriptor } from "../../contract/contract.ts";
import { placeAmongPrograms } from "../../contract/json.ts";
import { jsonFromText } from "../protocol-connect.ts";
import { textFromUtf8 } from "./request-body.ts";

/** How messages are written: protobuf's binary form, or its canonical JSON. */
export type Encoding = "proto" | "json";

/** Reads the requests of a method and writes its answers, in one encoding. */
export interface MethodCodec {
  /** Throws BINARY_INVALID or JSON_INVALID. Fields that the contract does not know are passed over: programs talk here, of several versions. */
  decode(bytes: Uint8Array): unknown;
  encode(message: unknown): Uint8Array;
  /** The message as an envelope that is not compressed: behind five bytes of prefix. */
  envelope(message: unknown): Uint8Array;
}

/** Bytes before each message of a stream: flags, and the length. */
export const prefixBytes = 5;

/** The codecs of a method. */
export function createMethodCodecs({ input, output }: MethodDescriptor): Readonly<Record<Encoding, MethodCodec>> {
  return {
    proto: {
      decode: (bytes) => input.fromBinary(bytes),
      encode: (message) => output.toBinary(message),
      envelope: (message) => prefixed(envelopeFromMessage(output, message)),
    },
    json: {
      decode: (bytes) => input.fromJson(jsonFromText(textFromUtf8(bytes), "message"), placeAmongPrograms()),
      encode: (message) => Buffer.from(output.toJson(message)),
      envelope(message) {
        const text = output.toJson(message);
        const length = Buffer.byteLength(text);
        const bytes = Buffer.allocUnsafe(prefixBytes + length);
        bytes.write(text, prefixBytes, length, "utf8");
        return prefixed(bytes);
      },
    },
  };
}

/** Writes the prefix of what is not compressed into the bytes left free for it. */
function prefixed(bytes: Uint8Array): Uint8Array {
  const length = bytes.length - prefixBytes;
  bytes[0] = 0;
  bytes[1] = length >>> 24;
  bytes[2] = length >>> 16;
  bytes[3] = length >>> 8;
  bytes[4] = length;
  return bytes;
}
