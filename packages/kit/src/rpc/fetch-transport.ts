import type { Call } from "../call.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { createConnectTransport } from "./connect-transport.ts";
import { createGrpcWebTransport } from "./grpc-web-transport.ts";
import type { Send, SendAnswer, SendRequest } from "./http-send.ts";
import type { ProtocolOptions } from "./protocol-options.ts";
import type { Transport } from "./transport.ts";

/** What `createFetchTransport` needs and may be told. */
export interface FetchTransportOptions extends ProtocolOptions {
  /** Where the app is: "https://api.example.org", or "/" for the page's own origin. */
  readonly baseUrl: string;
  /** Headers for every call, asked for each time (a token may change): names and values. Default none. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** Another fetch than the platform's. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Default "connect". */
  readonly protocol?: "connect" | "grpc-web";
  /** Connect only: methods that change nothing are asked by GET, which caches understand. Default false. */
  readonly useGet?: boolean;
  /** gRPC-Web only: bodies in base64, for what cannot carry binary ones. Default false. */
  readonly text?: boolean;
}

/**
 * Calls over the platform's `fetch`, in browsers and in Node. Unary methods and server streams; a method that streams requests
 * rejects with STREAM_UNSUPPORTED, as browsers cannot send one over HTTP/1.1.
 */
export function createFetchTransport(options: FetchTransportOptions): Transport {
  const base = options.baseUrl.replace(/\/+$/, "");
  const fetchFrom = options.fetch ?? ((url: string, init: RequestInit) => fetch(url, init));
  const send: Send = async (request, call) => answerFromResponse(await fetchFrom(base + request.target, initFrom(request, call, options)));
  return options.protocol === "grpc-web" ? createGrpcWebTransport(send, options) : createConnectTransport(send, options);
}

function initFrom(request: SendRequest, call: Call, options: FetchTransportOptions): RequestInit {
  const { method, body } = request;
  if (body !== undefined && !(body instanceof Uint8Array)) {
    throw fault(kitReasons.STREAM_UNSUPPORTED, `${request.target} streams its request, which fetch cannot send.`);
  }
  const headers: [string, string][] = Object.entries(options.headers?.() ?? {});
  for (let index = 0; index + 1 < request.headers.length; index += 2) {
    headers.push([request.headers[index] as string, request.headers[index + 1] as string]);
  }
  return { method, headers, body: body as Uint8Array<ArrayBuffer> | undefined, signal: call.signal, redirect: "error" };
}

/** What fetch decompresses by itself; it leaves the header all the same. */
const decodedByFetch = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

function answerFromResponse(response: Response): SendAnswer {
  const headers: string[] = [];
  response.headers.forEach((value, name) => {
    if (name !== "content-encoding" || !decodedByFetch.has(value.toLowerCase())) headers.push(name, value);
  });
  return { status: response.status, headers, body: response.body ? chunksFrom(response.body) : undefined };
}

/** By reader and not by `for await`: Safari's streams cannot be iterated. */
function chunksFrom(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  const reader = stream.getReader();
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const { done, value } = await reader.read();
        return done ? { done: true, value: undefined } : { done: false, value };
      },
      async return() {
        // The answer may be abandoned half-way; what cancelling rejects with concerns nobody any more.
        await reader.cancel().catch(() => undefined);
        return { done: true, value: undefined };
      },
    }),
  };
}
