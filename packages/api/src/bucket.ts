/** Buckets a Route's weights are counted in. Always this many, so that growth never moves a user back. */
export const bucketCount = 10000;

/** The header that carries the bucket, four digits, from the edge inwards. */
export const bucketHeader = "x-weir-bucket";

/** Seeds of the two halves of the hash: one 64-bit hash made of two 32-bit ones. */
const highSeed = 0x9747b28c;
const lowSeed = 0x3c6ef372;
/** 2^32 modulo the number of buckets. */
const highStep = 2 ** 32 % bucketCount;

/**
 * The bucket of a user, 0 to 9999: hash64(salt ‖ 0 ‖ user id) modulo 10000, with MurmurHash3 (x86, 32 bit, over UTF-16
 * code units as two bytes each) for either half. The same everywhere and for ever; a new salt deals the users anew.
 */
export function bucketOf(userId: string, salt: string): number {
  const text = `${salt}\u0000${userId}`;
  return ((murmur3(text, highSeed) % bucketCount) * highStep + (murmur3(text, lowSeed) % bucketCount)) % bucketCount;
}

/** The bucket as it stands in the header: four digits. */
export function bucketText(bucket: number): string {
  return String(bucket).padStart(4, "0");
}

/** The version that a bucket falls to: the first interval that contains it, in the order of the shares. */
export function versionOf(bucket: number, shares: readonly { readonly version: string; readonly weight: number }[]): string {
  let upTo = 0;
  for (const share of shares) {
    upTo += share.weight;
    if (bucket < upTo) return share.version;
  }
  return shares.at(-1)?.version ?? "";
}

/** MurmurHash3_x86_32 (Austin Appleby, public domain) over UTF-16 code units, little endian. */
function murmur3(text: string, seed: number): number {
  let hash = seed;
  const pairs = text.length & ~1;
  for (let index = 0; index < pairs; index += 2) {
    hash ^= mixed(text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  if (pairs < text.length) hash ^= mixed(text.charCodeAt(pairs));
  hash ^= text.length * 2;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mixed(block: number): number {
  const scaled = Math.imul(block, 0xcc9e2d51);
  return Math.imul((scaled << 15) | (scaled >>> 17), 0x1b873593);
}
