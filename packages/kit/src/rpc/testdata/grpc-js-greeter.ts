import type {
  CallOptions,
  ChannelOptions,
  ClientDuplexStream,
  ClientReadableStream,
  ClientWritableStream,
  Metadata,
  ServiceError,
} from "@grpc/grpc-js";
import { Client, credentials, Metadata as GrpcMetadata } from "@grpc/grpc-js";
import type { MessageType, MethodDescriptor } from "../../contract/contract.ts";
import type {
  CountRequest,
  CountResponse,
  EchoRequest,
  EchoResponse,
  HelloRequest,
  HelloResponse,
  SumRequest,
  SumResponse,
} from "./greeter.weir.ts";
import { Greeter } from "./greeter.weir.ts";

/** What a unary call of grpc-js came to: everything that the server said. */
export interface GrpcJsAnswer {
  readonly message: HelloResponse | undefined;
  /** Undefined when the answer had trailers only. */
  readonly headers: Metadata | undefined;
  readonly trailers: Metadata;
  readonly error: ServiceError | undefined;
}

/** What a unary call of grpc-js may be told. */
export interface GrpcJsCall {
  readonly metadata?: Metadata;
  /** Milliseconds since 1970. */
  readonly deadline?: number;
}

/** A client of the greeter by grpc-js, as its users write one. */
export interface GrpcJsGreeter extends Disposable {
  hello(request: Partial<HelloRequest>, call?: GrpcJsCall): Promise<GrpcJsAnswer>;
  count(request: Partial<CountRequest>): ClientReadableStream<CountResponse>;
  sum(done: (error: ServiceError | null, answer?: SumResponse) => void): ClientWritableStream<SumRequest>;
  echo(): ClientDuplexStream<EchoRequest, EchoResponse>;
}

/** A client at a port of this machine; `using` closes it. */
export function createGrpcJsGreeter(port: number, options: ChannelOptions = {}): GrpcJsGreeter {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options);
  const { hello, count, sum, echo } = Greeter.methods;
  return {
    hello: (request, call = {}) => askOnce(client, hello.input.create(request), call),
    count: (request) => client.makeServerStreamRequest(count.path, writer(count.input), reader(count), count.input.create(request)),
    sum: (done) => client.makeClientStreamRequest(sum.path, writer(sum.input), reader(sum), done),
    echo: () => client.makeBidiStreamRequest(echo.path, writer(echo.input), reader(echo)),
    [Symbol.dispose]: () => client.close(),
  };
}

function askOnce(client: Client, request: HelloRequest, { metadata = new GrpcMetadata(), deadline }: GrpcJsCall): Promise<GrpcJsAnswer> {
  const { hello } = Greeter.methods;
  const options: CallOptions = deadline === undefined ? {} : { deadline };
  return new Promise((resolve) => {
    let headers: Metadata | undefined;
    let answered: Pick<GrpcJsAnswer, "message" | "error"> | undefined;
    let trailers: Metadata | undefined;
    const settle = (): void => {
      if (answered && trailers) resolve({ ...answered, headers, trailers });
    };
    const call = client.makeUnaryRequest(hello.path, writer(hello.input), reader(hello), request, metadata, options, (error, message) => {
      answered = { message, error: error ?? undefined };
      settle();
    });
    call.on("metadata", (found) => (headers = found));
    call.on("status", (status) => {
      trailers = status.metadata;
      settle();
    });
  });
}

function writer<T>(type: MessageType<T>): (message: T) => Buffer {
  return (message) => Buffer.from(type.toBinary(type.create(message)));
}

function reader<R>({ output }: Pick<MethodDescriptor<unknown, R>, "output">): (bytes: Buffer) => R {
  return (bytes) => output.fromBinary(bytes);
}
