/** What runtimes since 2025 bring (ECMAScript 2026); older ones take the slower way below. */
interface FastBytes {
  toBase64?(): string;
}

const alphabet = /^[A-Za-z0-9+/\-_]*={0,2}$/;
const chunkBytes = 8192;

/** Padded base64 in the standard alphabet (RFC 4648 §4). */
export function base64FromBytes(bytes: Uint8Array): string {
  const fast = bytes as FastBytes;
  if (fast.toBase64 !== undefined) return fast.toBase64();
  let binary = "";
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    binary += String.fromCharCode(...bytes.subarray(start, start + chunkBytes));
  }
  return btoa(binary);
}

/** Bytes of base64 in the standard or URL alphabet, padded or not; undefined for anything else, white space included. */
export function bytesFromBase64(text: string): Uint8Array | undefined {
  if (!alphabet.test(text)) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const digits = text.length - padding;
  if (digits % 4 === 1 || (padding > 0 && text.length % 4 !== 0)) return undefined;
  const standard = text.includes("-") || text.includes("_") ? text.replaceAll("-", "+").replaceAll("_", "/") : text;
  const fast = Uint8Array as { fromBase64?(text: string): Uint8Array };
  if (fast.fromBase64 !== undefined) return fast.fromBase64(standard);
  const binary = atob(standard);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
