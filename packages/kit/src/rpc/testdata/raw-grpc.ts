import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { connect } from "node:http2";
import { once } from "node:events";

/** An answer over HTTP/2 as its bytes. */
export interface RawGrpcAnswer {
  readonly headers: IncomingHttpHeaders;
  /** Empty for Trailers-Only. */
  readonly trailers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** grpc-status, wherever it stands. */
  readonly status: string | undefined;
}

/** HTTP/2 by Node's own client, for requests that no client of gRPC would send. `await using` closes it. */
export interface RawGrpc extends AsyncDisposable {
  readonly session: ClientHttp2Session;
  open(path: string, headers?: Record<string, string | string[]>): ClientHttp2Stream;
  ask(path: string, body: Uint8Array, headers?: Record<string, string | string[]>): Promise<RawGrpcAnswer>;
}

/** Connects to an origin. Requests are POSTs of application/grpc unless their headers say otherwise. */
export function createRawGrpc(url: string): RawGrpc {
  const session = connect(url);
  const open: RawGrpc["open"] = (path, headers = {}) =>
    session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...headers });
  return {
    session,
    open,
    async ask(path, body, headers) {
      const stream = open(path, headers);
      stream.end(body);
      return readRaw(stream);
    },
    async [Symbol.asyncDispose]() {
      session.destroy();
      if (!session.closed) await once(session, "close");
    },
  };
}

/** Reads what a stream answers, whole. */
export async function readRaw(stream: ClientHttp2Stream): Promise<RawGrpcAnswer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on("response", (found) => (headers = withoutSymbols(found)));
  stream.on("trailers", (found) => (trailers = withoutSymbols(found)));
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  const status = trailers["grpc-status"] ?? headers["grpc-status"];
  return { headers, trailers, bytes: Buffer.concat(chunks), status: typeof status === "string" ? status : undefined };
}

/** An envelope: flags, length, data. */
export function envelope(data: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.of(flags, 0, 0, 0, 0);
  prefix.writeUInt32BE(data.length, 1);
  return Buffer.concat([prefix, data]);
}

function withoutSymbols(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers));
}
