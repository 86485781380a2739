import { parseJson } from "../contract/json-text.ts";
import type { JsonValue, MessageType } from "../contract/contract.ts";

/** How values become bytes outside the process. Reading may throw: the entry is then as good as absent. */
export interface CacheCodec<V> {
  write(value: V): Uint8Array;
  read(bytes: Uint8Array): V;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** For plain data: what JSON can say. */
export function jsonCodec<V extends JsonValue>(): CacheCodec<V> {
  return {
    write: (value) => encoder.encode(JSON.stringify(value)),
    read: (bytes) => parseJson(decoder.decode(bytes)) as V,
  };
}

/** For messages of a contract, in protobuf's binary form: small, and read by older and newer versions alike. */
export function messageCodec<V>(type: MessageType<V>): CacheCodec<V> {
  return { write: (value) => type.toBinary(value), read: (bytes) => type.fromBinary(bytes) };
}
