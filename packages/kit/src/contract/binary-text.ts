const text = String.fromCharCode;

/** How long a text may be for `asciiText`. Longer ones are faster by the platform's own decoder. */
export const asciiTextMax = 12;

/** At most 16 bytes as text if all are ASCII, undefined if not. Asking for all characters at once beats one by one by far. */
export function asciiText(bytes: Uint8Array, from: number, size: number): string | undefined {
  let all = 0;
  for (let at = from; at < from + size; at++) all |= bytes[at] as number;
  if (all > 0x7f) return undefined;
  return size <= 8 ? eight(bytes, from, size) : eight(bytes, from, 8) + eight(bytes, from + 8, size - 8);
}

function eight(bytes: Uint8Array, from: number, size: number): string {
  if (size === 0) return "";
  const a = bytes[from] as number;
  if (size === 1) return text(a);
  const b = bytes[from + 1] as number;
  if (size === 2) return text(a, b);
  const c = bytes[from + 2] as number;
  if (size === 3) return text(a, b, c);
  const d = bytes[from + 3] as number;
  if (size === 4) return text(a, b, c, d);
  const e = bytes[from + 4] as number;
  if (size === 5) return text(a, b, c, d, e);
  const f = bytes[from + 5] as number;
  if (size === 6) return text(a, b, c, d, e, f);
  const g = bytes[from + 6] as number;
  return size === 7 ? text(a, b, c, d, e, f, g) : text(a, b, c, d, e, f, g, bytes[from + 7] as number);
}

const knownKeys: (string | undefined)[] = Array.from({ length: 256 });

/** As `asciiText`, for texts that come again and again: keys of maps. V8 finds a property faster by a string it has seen. */
export function knownText(bytes: Uint8Array, from: number, size: number): string | undefined {
  if (size === 0) return "";
  const slot =
    ((bytes[from] as number) * 5 + (bytes[from + size - 1] as number) * 17 + (bytes[from + (size >> 1)] as number) * 3 + size) & 255;
  const known = knownKeys[slot];
  if (known !== undefined && known.length === size) {
    let index = 0;
    while (index < size && known.charCodeAt(index) === bytes[from + index]) index++;
    if (index === size) return known;
  }
  const fresh = asciiText(bytes, from, size);
  knownKeys[slot] = fresh;
  return fresh;
}
