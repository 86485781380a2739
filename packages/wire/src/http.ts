import type { ConnectionOutput, ConnectionSink } from "./http1/output.ts";

/**
 * Names and values in turn, flat: `["accept", "*\/*", …]`. Names are lower case; a name may repeat.
 * Framing never stands here: `host`, `content-length`, `transfer-encoding`, `connection` and what it names,
 * `keep-alive`, `proxy-connection`, `upgrade` and `te` are taken out when a message is read and written by the codec.
 * So one list fits HTTP/1.1 and HTTP/2, and passes through a proxy untouched.
 */
export type HeaderList = string[];

/**
 * The bytes of a message: none, all of them (small bodies arrive whole), or a stream that is pulled.
 * Pulling is the back-pressure: nobody reads from the socket while nobody asks for the next chunk.
 */
export type Body = Uint8Array | BodyStream | undefined;

/**
 * A body in pieces. It can be iterated once. Leaving the loop early (or `return()`) cancels it: the rest is not read
 * and the connection or the HTTP/2 stream is given up. Iterating rejects with a WireError when the peer goes away.
 */
export interface BodyStream extends AsyncIterable<Uint8Array> {
  /** Bytes in all, when the sender said so. */
  readonly length?: number | undefined;
  /** Trailers, to be asked for after the last chunk; undefined when there are none. */
  trailers?(): HeaderList | undefined;
  /** All bytes, when they are there already: whoever takes them need not iterate, and may ask for the trailers at once. */
  readonly whole?: Uint8Array | undefined;
}

/** A request, in the form that HTTP/1.1 and HTTP/2 share. */
export interface HttpRequest {
  /** Upper case as received: "GET". */
  readonly method: string;
  /** Origin form, "/path?query", already checked for unambiguity; or "*" for OPTIONS. */
  readonly target: string;
  /** Host and port as the client named them (Host, :authority); "" when an HTTP/1.0 client gave none. */
  readonly authority: string;
  readonly headers: HeaderList;
  readonly body: Body;
  /** Protocol asked for by an upgrade (HTTP/1.1) or an extended CONNECT (RFC 8441), lower case; else undefined. */
  readonly upgrade?: string | undefined;
}

/** An answer, in the form that HTTP/1.1 and HTTP/2 share. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body?: Body;
  /** For HEAD and 304 only: the length that a GET would have had. */
  readonly lengthOfGet?: number | undefined;
  /**
   * Accepts an upgrade: with status 101 (HTTP/1.1) or 200 (extended CONNECT) the connection or stream is handed over
   * after the head has been written.
   */
  readonly takeOver?: ((duplex: ByteDuplex) => void) | undefined;
}

/** Both directions of a connection that HTTP has let go of. */
export interface ByteDuplex extends AsyncIterable<Uint8Array> {
  /** Resolves when there is room for more. Rejects once the other side has gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends our direction. */
  end(): void;
  /** Ends both at once. */
  destroy(): void;
  /**
   * Instead of iterating and `write`, where a duplex can: hands the connection over to what `make` makes of its output,
   * without a promise or a copy for each piece, and without anything of HTTP kept behind it.
   */
  attach?<S extends ConnectionSink>(make: (output: ConnectionOutput) => S): S;
}

/** What is known of a request beside the request. */
export interface Exchange {
  /** Address and port of the socket's other end, "127.0.0.1:52100". */
  readonly peerAddress: string;
  /** Whether TLS carries it. */
  readonly secure: boolean;
  /**
   * Who the client has proven to be, by a certificate whose chain was verified: its first URI name (a SPIFFE id), else the
   * common name of its subject. Undefined when it has proven nothing.
   */
  readonly identity?: string | undefined;
  readonly version: "1.0" | "1.1" | "2";
  /** Runs `listener` when the client goes away before the answer has been written whole. One listener at most. */
  onCancel(listener: () => void): void;
  /**
   * Lets this exchange be quiet and go on: no `bodyIdleMs`, `requestMs`, `bodyBytesMax` and no `writeIdleMs` of a shut
   * window. For calls that stream for hours. Who is quiet is asked with PING, so a client that is lost is found out;
   * HTTP/1.1 cannot ask, so there it does not exist and the bounds stay. Call it before the body is read.
   */
  openEnded?(): void;
  /**
   * Sends an interim answer, 102 to 199, ahead of the answer: 103 Early Hints. Nothing is sent where it cannot be: to HTTP/1.0,
   * behind the head of the answer, after 16 of them, to a client that does not read, with headers that no answer could have.
   */
  interim?(status: number, headers: HeaderList): void;
}

/** Interim answers (1xx, RFC 9110 §15.2) to one request: a client takes no more, a server sends no more. */
export const interimMax = 16;

/** Answers requests. A rejection becomes a bare 500 without a word of why: whoever serves turns errors into answers. */
export type HttpHandler = (request: HttpRequest, exchange: Exchange) => Promise<HttpResponse>;

/** The first value of a name in lower case, or undefined. */
export function headerValue(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) if (headers[index] === name) return headers[index + 1];
  return undefined;
}
