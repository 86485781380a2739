import type { Call } from "../call.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { ConnectAnswer, ConnectRequest } from "./connect-transport.ts";
import { createConnectTransport } from "./connect-transport.ts";
import type { Transport } from "./transport.ts";

/** What `createFetchTransport` needs and may be told. */
export interface FetchTransportOptions {
  /** Where the app is: "https://api.example.org", or "/" for the page's own origin. */
  readonly baseUrl: string;
  /** Headers for every call, asked for each time (a token may change): names and values. Default none. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** Another fetch than the platform's. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Bytes of one message of an answer at most. Default 4 MiB. */
  readonly answerBytesMax?: number;
}

/**
 * Calls over the platform's `fetch`, in browsers and in Node. Unary methods and server streams; a method that streams requests
 * rejects with STREAM_UNSUPPORTED, as browsers cannot send one over HTTP/1.1.
 */
export function createFetchTransport(options: FetchTransportOptions): Transport {
  const base = options.baseUrl.replace(/\/+$/, "");
  const send = options.fetch ?? ((url, init) => fetch(url, init));
  return createConnectTransport(
    async (request, call) => answerFromResponse(await send(base + request.path, initFrom(request, call, options))),
    {
      answerBytesMax: options.answerBytesMax,
    },
  );
}

function initFrom(request: ConnectRequest, call: Call, options: FetchTransportOptions): RequestInit {
  if (!(request.body instanceof Uint8Array)) {
    throw fault(kitReasons.STREAM_UNSUPPORTED, `${request.path} streams its request, which fetch cannot send.`);
  }
  const headers: [string, string][] = Object.entries(options.headers?.() ?? {});
  for (let index = 0; index + 1 < request.headers.length; index += 2) {
    headers.push([request.headers[index] as string, request.headers[index + 1] as string]);
  }
  return { method: "POST", headers, body: request.body as Uint8Array<ArrayBuffer>, signal: call.signal, redirect: "error" };
}

function answerFromResponse(response: Response): ConnectAnswer {
  const headers: string[] = [];
  response.headers.forEach((value, name) => headers.push(name, value));
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
