import { once } from "node:events";
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { bytesFromEnvelope } from "../envelope.ts";
import { HelloResponse } from "./greeter.weir.ts";

/** A server by nghttp2 that does with each stream what a test says, right or wrong. */
export interface RawHttp2 extends AsyncDisposable {
  readonly url: string;
  readonly server: Http2Server;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  /** Cuts every connection without a word. */
  cut(): void;
  /** Sessions that there have been. */
  readonly sessionsMade: () => number;
  /** Streams in the order of their coming. */
  readonly streams: readonly ServerHttp2Stream[];
}

/** Starts one, on a free port unless told another; `await using` cuts its sessions and stops it. */
export async function startRawHttp2(
  onStream: (stream: ServerHttp2Stream, index: number) => void,
  options: { readonly port?: number } = {},
): Promise<RawHttp2> {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  const streams: ServerHttp2Stream[] = [];
  const sockets = new Set<Socket>();
  let made = 0;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("session", (session) => {
    made += 1;
    sessions.add(session);
    session.on("error", () => undefined);
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => undefined);
    streams.push(stream);
    onStream(stream, streams.length - 1);
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    sessions,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    sessionsMade: () => made,
    streams,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An envelope with a greeting. */
export const greeting: Uint8Array = bytesFromEnvelope(0, HelloResponse.toBinary(HelloResponse.create({ greeting: "hi" })));

/** Answers a unary call of gRPC rightly. */
export function answerGreeting(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.closed) return;
  beginAnswer(stream);
  stream.end(greeting);
}

/** Writes the head of an answer, and OK into its trailers once it ends. */
export function beginAnswer(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
}
