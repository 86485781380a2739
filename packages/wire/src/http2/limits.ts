/**
 * Bounds of one HTTP/2 connection, beside those of messages and timeouts that both protocols share. What "at once" bounds
 * comes back at a thirtieth a second; overdoing it ends the connection with GOAWAY (ENHANCE_YOUR_CALM) and is counted.
 */
export interface Http2Limits {
  /** Streams that a client may have open at once, running handlers of streams that it reset included. Default 128. */
  readonly streamsMax: number;
  /** Bytes of one body that may come before its reader has pulled any. Default 262144. */
  readonly streamWindowBytes: number;
  /** Bytes of all streamed bodies of the connection that may come before their readers have pulled any. Default 1048576. */
  readonly connectionWindowBytes: number;
  /** Content of one frame that we take, from 16384 to 16777215. Default 16384. */
  readonly frameBytesMax: number;
  /** Memory of each of the two header tables (HPACK). Default 4096. */
  readonly headerTableBytes: number;
  /** Encoded bytes of one header block, over all its frames. Default 65536. */
  readonly headerBlockBytesMax: number;
  /** CONTINUATION frames of one header block. Default 32. */
  readonly continuationsMax: number;
  /** Streams that the peer may reset, at once. Default 1000. */
  readonly resetsMax: number;
  /** Streams that we may have to reset for a peer that breaks the rules, at once. Default 100. */
  readonly faultsMax: number;
  /** Frames without content, at once. Default 200. */
  readonly emptyFramesMax: number;
  /** PING, SETTINGS, WINDOW_UPDATE, PRIORITY and unknown frames, at once; each DATA frame and each stream allows a few more. Default 2000. */
  readonly controlFramesMax: number;
  /** Bytes of our own control frames that may wait for a peer that does not read. Default 65536. */
  readonly controlBytesMax: number;
}

/** Defaults of Http2Limits. */
export const http2Limits: Http2Limits = {
  streamsMax: 128,
  streamWindowBytes: 262_144,
  connectionWindowBytes: 1_048_576,
  frameBytesMax: 16_384,
  headerTableBytes: 4096,
  headerBlockBytesMax: 65_536,
  continuationsMax: 32,
  resetsMax: 1000,
  faultsMax: 100,
  emptyFramesMax: 200,
  controlFramesMax: 2000,
  controlBytesMax: 65_536,
};
