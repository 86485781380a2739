/**
 * Where a connection writes: a socket, or memory. The connection owns it and is told of its events by calling
 * `receive`, `end`, `drained` and `closed` on the connection.
 */
export interface ConnectionOutput {
  /**
   * Takes bytes, or a string of which each character is one byte (latin1). With `more`, another write follows at once
   * and both may leave together. False means full: the connection stops until it is told `drained`.
   */
  write(data: string | Uint8Array, more: boolean): boolean;
  /** Stop and go on calling `receive`. A few bytes may still come after `pause`. */
  pause(): void;
  resume(): void;
  /** Ends our direction after what has been written. */
  end(): void;
  /** Ends both directions at once. */
  destroy(): void;
  /** From now on `sink` is told what happens, and the connection that was told before is forgotten. */
  divert?(sink: ConnectionSink): void;
}

/** Who is told what happens to a connection. */
export interface ConnectionSink {
  /** Bytes came, up to `end`. `borrowed` ones are only valid during the call; they may be changed where they lie. */
  receive(bytes: Uint8Array, end: number, borrowed: boolean): void;
  /** The other side has ended its direction. */
  end(): void;
  drained(): void;
  closed(cause?: unknown): void;
  /** Finish what is being done, then close. What has no notion of that is cut when the time is up. */
  shut?(): void;
}

/** Bytes as a latin1 string: parsing strings is faster than parsing bytes here, since cutting them copies nothing. */
export function latin1From(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.prototype.latin1Slice.call(bytes, from, to);
}

/** One array of several. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

/** A copy of borrowed bytes. (`Buffer.prototype.slice` would be a view.) */
export function copied(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const copy = Buffer.allocUnsafe(to - from);
  Buffer.prototype.copy.call(bytes, copy, 0, from, to);
  return copy;
}
