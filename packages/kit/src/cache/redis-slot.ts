/** Slots of a Redis cluster. */
export const slotCount = 16_384;

/**
 * The slot of a key: CRC-16/XMODEM of what stands between its first "{" and the next "}", or of all of it when that is nothing
 * (Redis cluster specification, "Key distribution model" and "Hash tags").
 */
export function slotOfKey(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  const tag = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (let index = 0; index < tag.length; index++) {
    const code = tag.charCodeAt(index);
    if (code > 127) return crcOf(encoder.encode(tag)) % slotCount;
    crc = next(crc, code);
  }
  return crc % slotCount;
}

const encoder = new TextEncoder();

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  return crc;
});

function next(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ (table[(crc >> 8) ^ byte] as number);
}

function crcOf(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = next(crc, byte);
  return crc;
}
