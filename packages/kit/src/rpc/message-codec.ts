import type { MessageType } from "../contract/contract.ts";
import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { messageFromAnswer } from "./protocol-connect.ts";

/** How messages are written: protobuf's binary form, or its canonical JSON. */
export type Encoding = "proto" | "json";

/** Writes and reads the messages of a client in one encoding. */
export interface MessageCodec {
  readonly encoding: Encoding;
  /** Throws MESSAGE_INVALID for what the contract does not allow. */
  encode<T>(type: MessageType<T>, message: T): Uint8Array;
  /** Reads what the other side answered; what does not fit is its mistake, PEER_ANSWER_INVALID. */
  decode<T>(type: MessageType<T>, bytes: Uint8Array): T;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The codec of an encoding. */
export const messageCodecs: Readonly<Record<Encoding, MessageCodec>> = {
  proto: {
    encoding: "proto",
    encode: (type, message) => type.toBinary(message),
    decode(type, bytes) {
      try {
        return type.fromBinary(bytes);
      } catch (thrown) {
        throw misfit(`Expected a ${type.typeName}, found otherwise: ${(thrown as Error).message}`, thrown);
      }
    },
  },
  json: {
    encoding: "json",
    encode: (type, message) => encoder.encode(type.toJson(message)),
    decode: (type, bytes) => messageFromAnswer(type, textFromBytes(bytes)),
  },
};

/** The text of an answer. Throws PEER_ANSWER_INVALID for what is not UTF-8. */
export function textFromBytes(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (thrown) {
    throw misfit("Expected UTF-8 in the answer.", thrown);
  }
}

function misfit(message: string, cause: unknown): Fault {
  return fault(kitReasons.PEER_ANSWER_INVALID, message, { cause });
}
