/**
 * 32 bits of a text: FNV-1a over its UTF-16 units, then the finish of MurmurHash3, so that texts that differ in one character
 * lie far apart. Spreads well; is no secret: whoever chooses keys can choose where they fall.
 */
export function textHash(text: string, seed = 0x811c9dc5): number {
  let hash = seed | 0;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mixed(hash);
}

/** 32 bits whose every bit depends on every bit of the input. */
export function mixed(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
