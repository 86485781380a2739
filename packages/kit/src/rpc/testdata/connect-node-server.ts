import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { file_google_protobuf_descriptor, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Code, HandlerContext } from "@connectrpc/connect";
import { ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { ForeignGreeter, Numbered, OpenCalls } from "./foreign-greeter.ts";
import { createOpenCalls, failure } from "./foreign-greeter.ts";
import { Greeter } from "./greeter.weir.ts";

/** A greeter by connect-node, with the codec of protobuf-es: Connect, gRPC and gRPC-Web over HTTP/1.1 or HTTP/2. */
export async function startConnectNode(options: { readonly http2: boolean }): Promise<ForeignGreeter> {
  const service = await greeterFromDescriptors();
  const calls = createOpenCalls();
  const handlers = { ...singleHandlers(calls), ...streamHandlers(calls) };
  const handler = connectNodeAdapter({
    routes: (router) => void router.service(service as never, handlers as never),
    compressMinBytes: 10,
  });
  const server = options.http2 ? createHttp2Server(handler) : createServer(handler);
  const sessions = new Set<{ destroy(): void }>();
  server.on(options.http2 ? "session" : "connection", (session: { destroy(): void; on(event: "close", listener: () => void): void }) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => calls.count,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function greeterFromDescriptors(): Promise<object> {
  const files = (await Greeter.files?.()) ?? [];
  const file: FileDescriptorProto[] = files.map((text) => fromBinary(FileDescriptorProtoSchema, Buffer.from(text, "base64")));
  const service = createFileRegistry(
    create(FileDescriptorSetSchema, { file: [file_google_protobuf_descriptor.proto, ...file] }),
  ).getService("weir.greeter.v1.Greeter");
  if (service === undefined) throw new Error("expected weir.greeter.v1.Greeter among the descriptors, found none");
  return service;
}

/** A generator that waits for a reader who has gone is not told to return; the signal is. */
function begun(calls: OpenCalls, context: HandlerContext): () => void {
  const end = calls.begin();
  // The caller may have gone before the handler began.
  if (context.signal.aborted) end();
  else context.signal.addEventListener("abort", end);
  return end;
}

async function untilAborted(calls: OpenCalls, context: HandlerContext, work: () => unknown): Promise<unknown> {
  const end = begun(calls, context);
  const aborted = new Promise((_resolve, reject) => {
    const onAbort = (): void => reject(context.signal.reason as Error);
    if (context.signal.aborted) onAbort();
    else context.signal.addEventListener("abort", onAbort);
  });
  aborted.catch(() => undefined);
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    end();
  }
}

function singleHandlers(calls: OpenCalls): object {
  return {
    hello: (request: { name: string }, context: HandlerContext) =>
      untilAborted(calls, context, () => {
        const { name } = request;
        const text = context.requestHeader.get("x-echo");
        if (text !== null) context.responseHeader.append("x-head", text);
        const bytes = context.requestHeader.get("x-echo-bin");
        if (bytes !== null) context.responseTrailer.append("x-trailer-bin", bytes);
        if (name === "hang") return new Promise(() => undefined);
        if (name.startsWith("fail:")) throw connectError(Number(name.slice(5)));
        return { ...request, $typeName: undefined, greeting: `hello ${name}` };
      }),
    sum: (requests: AsyncIterable<Numbered>, context: HandlerContext) =>
      untilAborted(calls, context, async () => {
        let total = 0;
        for await (const { number } of requests) total += number;
        return { total };
      }),
  };
}

function streamHandlers(calls: OpenCalls): object {
  return {
    async *count({ count, text }: { count: number; text: string }, context: HandlerContext) {
      const end = begun(calls, context);
      try {
        for (let number = 1; (count === 0 || number <= count) && !context.signal.aborted; number++) yield { number, text };
        if (text === "fail") throw connectError(10);
      } finally {
        end();
      }
    },
    async *echo(requests: AsyncIterable<Numbered>, context: HandlerContext) {
      const end = begun(calls, context);
      try {
        let total = 0;
        for await (const { number } of requests) yield { total: (total += number) };
      } finally {
        end();
      }
    },
  };
}

function connectError(code: number): ConnectError {
  const error = new ConnectError(failure.message, code as Code);
  error.details.push({ type: failure.detailType, value: failure.detail });
  return error;
}
