import { readFileSync } from "node:fs";
import type { sendUnaryData, ServerDuplexStream, ServerReadableStream, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { bytesFromRpcStatus } from "../error-detail.ts";
import type { ForeignGreeter, Numbered, OpenCalls } from "./foreign-greeter.ts";
import { createOpenCalls, failure } from "./foreign-greeter.ts";

const types = protobuf.parse(readFileSync(new URL("greeter.proto", import.meta.url), "utf8")).root;

function grpcMethod(name: string, streams: { readonly request: boolean; readonly response: boolean }): object {
  const request = types.lookupType(`weir.greeter.v1.${name}Request`);
  const response = types.lookupType(`weir.greeter.v1.${name}Response`);
  const read = (type: protobuf.Type) => (bytes: Buffer) => type.toObject(type.decode(bytes), { defaults: true, arrays: true });
  const write = (type: protobuf.Type) => (message: object) => Buffer.from(type.encode(type.fromObject(message)).finish());
  return {
    path: `/weir.greeter.v1.Greeter/${name}`,
    requestStream: streams.request,
    responseStream: streams.response,
    requestSerialize: write(request),
    requestDeserialize: read(request),
    responseSerialize: write(response),
    responseDeserialize: read(response),
  };
}

const definition = {
  hello: grpcMethod("Hello", { request: false, response: false }),
  count: grpcMethod("Count", { request: false, response: true }),
  sum: grpcMethod("Sum", { request: true, response: false }),
  echo: grpcMethod("Echo", { request: true, response: true }),
};

/** What `startGrpcJs` may be told. */
export interface GrpcJsOptions {
  /** Answers in gzip. */
  readonly compress?: boolean;
  /** Options of its channel. */
  readonly channel?: object;
}

/** A greeter by grpc-js, with a codec by protobufjs. */
export async function startGrpcJs(options: GrpcJsOptions = {}): Promise<ForeignGreeter> {
  const server = new Server({ ...(options.compress === true && { "grpc.default_compression_algorithm": 2 }), ...options.channel });
  const calls = createOpenCalls();
  server.addService(definition as never, { ...unaryHandlers(calls), ...streamHandlers(calls) } as never);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    open: () => calls.count,
    [Symbol.asyncDispose]() {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

function begun(calls: OpenCalls, call: { readonly cancelled: boolean; on(event: "cancelled", listener: () => void): unknown }): () => void {
  const end = calls.begin();
  if (call.cancelled) end();
  else call.on("cancelled", end);
  return end;
}

function unaryHandlers(calls: OpenCalls): object {
  return {
    hello(call: ServerUnaryCall<{ name: string }, object>, callback: sendUnaryData<object>) {
      const end = begun(calls, call);
      const { name } = call.request;
      const { head, trailers } = echoed(call.metadata);
      if (Object.keys(head.getMap()).length > 0) call.sendMetadata(head);
      if (name === "hang") return;
      end();
      if (name.startsWith("fail:")) callback(grpcError(Number(name.slice(5)), trailers));
      else callback(null, { ...call.request, greeting: `hello ${name}` }, trailers);
    },
    sum(call: ServerReadableStream<Numbered, object>, callback: sendUnaryData<object>) {
      const end = begun(calls, call);
      let total = 0;
      call.on("data", ({ number }: Numbered) => void (total += number));
      call.on("end", () => {
        end();
        callback(null, { total });
      });
    },
  };
}

function streamHandlers(calls: OpenCalls): object {
  return {
    count(call: ServerWritableStream<{ count: number; text: string }, object>) {
      const end = begun(calls, call);
      const { count, text } = call.request;
      let number = 0;
      const write = (): void => {
        while (count === 0 || number < count) {
          if (call.cancelled) return;
          number += 1;
          if (!call.write({ number, text })) {
            call.once("drain", write);
            return;
          }
        }
        end();
        if (text === "fail") call.emit("error", grpcError(10, new Metadata()));
        else call.end();
      };
      write();
    },
    echo(call: ServerDuplexStream<Numbered, object>) {
      const end = begun(calls, call);
      let total = 0;
      call.on("data", ({ number }: Numbered) => void call.write({ total: (total += number) }));
      call.on("end", () => {
        end();
        call.end();
      });
    },
  };
}

function grpcError(code: number, trailers: Metadata): object {
  const details = [{ typeName: failure.detailType, bytes: failure.detail }];
  trailers.set("grpc-status-details-bin", Buffer.from(bytesFromRpcStatus({ code, message: failure.message, details })));
  return { code, details: failure.message, metadata: trailers };
}

/** What the caller sent under x-echo, in the head and in the trailers. */
function echoed(given: Metadata): { readonly head: Metadata; readonly trailers: Metadata } {
  const [head, trailers] = [new Metadata(), new Metadata()];
  for (const value of given.get("x-echo")) head.add("x-head", value);
  for (const value of given.get("x-echo-bin")) trailers.add("x-trailer-bin", value);
  return { head, trailers };
}
