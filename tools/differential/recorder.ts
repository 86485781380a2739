import { createServer as createNodeServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer, headerValue, readBody } from "@weir/wire";
import type { SeenRequest } from "./request-case.ts";

/** A request that a recorder has seen whole. */
export interface RecordedRequest extends SeenRequest {
  /** What the gateway stamped; "" where there is none. */
  readonly requestId: string;
}

/** A server that tells in each answer which request it took it for, and keeps a list. */
export interface Recorder {
  readonly port: number;
  /** What has been seen since the last look. */
  taken(): RecordedRequest[];
  stop(): Promise<void>;
}

const bodyBytesMax = 1 << 22;

/** What a recorder answers: the client's side of the evidence. */
export function answerText({ method, target, body }: SeenRequest): string {
  return `{"seen":${JSON.stringify(`${method} ${target} ${body.length}`)}}`;
}

/** What recorders said of themselves in the bytes that a client got, in order. */
export function answersIn(bytes: string): string[] {
  return [...bytes.matchAll(/\{"seen":("(?:[^"\\]|\\.)*")\}/g)].map((match) => JSON.parse(match[1] as string) as string);
}

/** A recorder that is node:http with its defaults, but for a client that ends its direction and still wants its answers. */
export async function createNodeRecorder(): Promise<Recorder> {
  let list: RecordedRequest[] = [];
  const server = createNodeServer((request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("error", () => undefined);
    request.on("end", () => {
      const requestId = [request.headers["x-request-id"] ?? ""].flat().join();
      const one = { method: request.method ?? "", target: request.url ?? "", body: Buffer.concat(chunks).toString("latin1"), requestId };
      list.push(one);
      const text = Buffer.from(answerText(one));
      response.writeHead(200, { "content-type": "application/json", "content-length": text.length }).end(text);
    });
  });
  (server as unknown as { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    taken() {
      const taken = list;
      list = [];
      return taken;
    },
    async stop() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A recorder that is our own server with its defaults. */
export async function createWeirRecorder(): Promise<Recorder> {
  let list: RecordedRequest[] = [];
  const server = createServer(async ({ method, target, headers, body }) => {
    const text = Buffer.from(await readBody(body, bodyBytesMax)).toString("latin1");
    const one = { method, target, body: text, requestId: headerValue(headers, "x-request-id") ?? "" };
    list.push(one);
    return { status: 200, headers: ["content-type", "application/json"], body: Buffer.from(answerText(one)) };
  });
  const { port } = await server.listen({ port: 0 });
  return {
    port,
    taken() {
      const taken = list;
      list = [];
      return taken;
    },
    stop: () => server.close(),
  };
}
