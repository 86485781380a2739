/*
 * One place in memory seen in four ways: it takes 64-bit integers and doubles apart and puts them together again, which
 * is several times faster than arithmetic with bigint. Whoever writes it reads it at once.
 */
const memory = new ArrayBuffer(8);

/** As an `int64`. */
export const scratchInt64: BigInt64Array = new BigInt64Array(memory);

/** As a `uint64`. */
export const scratchUint64: BigUint64Array = new BigUint64Array(memory);

/** As a `double`. */
export const scratchDouble: Float64Array = new Float64Array(memory);

/** As a `float`: the first four bytes. */
export const scratchFloat: Float32Array = new Float32Array(memory);

/** As two signed 32-bit words. */
export const scratchWords: Int32Array = new Int32Array(memory);

/** Which of the two words is the low one: 0, but 1 on big-endian machines. */
export const lowWord: 0 | 1 = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
