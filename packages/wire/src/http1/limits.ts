/** Bounds on what one message may ask of a server or a client. */
export interface MessageLimits {
  /** Start line and header lines together, in bytes. Default 16384. */
  readonly headBytesMax: number;
  /** Header lines. Default 100. */
  readonly headerCountMax: number;
  /** Bytes of the request's target. Default 8192. */
  readonly targetBytesMax: number;
  /** Bytes of a body, decoded. Default 64 MiB. */
  readonly bodyBytesMax: number;
  /** Bodies of a known length up to this arrive whole, as one Uint8Array. Default 64 KiB. */
  readonly inlineBytesMax: number;
  /** Trailer lines together, in bytes. Default 8192: what gRPC suggests for the status of a call. */
  readonly trailerBytesMax: number;
  /** Extension of one chunk, in bytes. Extensions are skipped. Default 256. */
  readonly chunkExtensionBytesMax: number;
}

/** Defaults of MessageLimits. */
export const messageLimits: MessageLimits = {
  headBytesMax: 16_384,
  headerCountMax: 100,
  targetBytesMax: 8192,
  bodyBytesMax: 64 * 1024 * 1024,
  inlineBytesMax: 65_536,
  trailerBytesMax: 8192,
  chunkExtensionBytesMax: 256,
};

/** Instead of a number of bytes: the body is chunked. */
export const lengthChunked = -1;
/** Instead of a number of bytes: the body ends with the connection. */
export const lengthUntilClose = -2;
