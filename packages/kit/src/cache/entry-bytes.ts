import type { CacheCodec } from "./codec.ts";
import type { CacheEntry } from "./store.ts";

const flagAbsent = 1;
const headBytes = 17;

/** An entry outside the process: a byte of flags, the two times, then the value as the codec writes it. */
export function bytesFromEntry<V>(entry: CacheEntry<V>, codec: CacheCodec<V>): Buffer {
  const value = entry.value === undefined ? new Uint8Array() : codec.write(entry.value);
  const bytes = Buffer.allocUnsafe(headBytes + value.length);
  bytes.writeUInt8(entry.value === undefined ? flagAbsent : 0, 0);
  bytes.writeDoubleBE(entry.freshUntilMs, 1);
  bytes.writeDoubleBE(entry.keptUntilMs, 9);
  bytes.set(value, headBytes);
  return bytes;
}

/** Undefined for bytes that are none of ours, or whose value the codec cannot read. */
export function entryFromBytes<V>(bytes: Uint8Array, codec: CacheCodec<V>): CacheEntry<V> | undefined {
  if (bytes.length < headBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [freshUntilMs, keptUntilMs] = [view.getFloat64(1), view.getFloat64(9)];
  if (!Number.isFinite(freshUntilMs) || !Number.isFinite(keptUntilMs)) return undefined;
  if (view.getUint8(0) === flagAbsent) return { value: undefined, freshUntilMs, keptUntilMs };
  try {
    // The driver reuses nothing of these bytes, but they lie in a larger buffer, which a kept view would keep too.
    return { value: codec.read(bytes.slice(headBytes)), freshUntilMs, keptUntilMs };
  } catch {
    return undefined;
  }
}
