import assert from "node:assert/strict";
import { once } from "node:events";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type {
  ClientDuplexStream,
  ClientReadableStream,
  ClientWritableStream,
  Metadata,
  ServiceDefinition,
  ServiceError,
} from "@grpc/grpc-js";
import { credentials, makeGenericClientConstructor, Metadata as GrpcMetadata, status } from "@grpc/grpc-js";

type Done<T> = (error: ServiceError | null, answer?: T) => void;

interface Sized {
  readonly payload: { readonly body: Uint8Array };
}

/** The calls of grpc-js's generic client, as its own generated code would type them. */
interface Calls {
  close(): void;
  unaryCall(
    request: object,
    metadata: Metadata,
    done: Done<Sized>,
  ): { on(event: "metadata" | "status", listener: (found: never) => void): void };
  streamingOutputCall(request: object): ClientReadableStream<Sized>;
  streamingInputCall(done: Done<{ readonly aggregatedPayloadSize: number }>): ClientWritableStream<object>;
  fullDuplexCall(): ClientDuplexStream<object, Sized>;
}

const answerSizes = [31415, 9, 2653, 58979] as const;

/** Calls of every kind by grpc-js. Rejects at the first that is not answered as it should be. */
export async function callByGrpcJs(schema: DescService, url: string): Promise<void> {
  const Client = makeGenericClientConstructor(definitionOf(schema), schema.name);
  const client = new Client(new URL(url).host, credentials.createInsecure()) as unknown as Calls;
  try {
    await unary(client);
    await refused(client);
    const params = answerSizes.map((size) => ({ size }));
    assert.deepEqual(await sizesOf(client.streamingOutputCall({ responseParameters: params })), answerSizes);
    await clientStream(client);
    await pingPong(client);
    await cancelled(client);
  } finally {
    client.close();
  }
}

function definitionOf(schema: DescService): ServiceDefinition {
  return Object.fromEntries(
    schema.methods.map((method) => {
      const codec = ({ input, output }: DescMethod) => ({
        requestSerialize: (message: Record<string, unknown>) => Buffer.from(toBinary(input, create(input, message))),
        requestDeserialize: (bytes: Buffer) => fromBinary(input, bytes),
        responseSerialize: (message: Record<string, unknown>) => Buffer.from(toBinary(output, create(output, message))),
        responseDeserialize: (bytes: Buffer) => fromBinary(output, bytes),
      });
      const requestStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
      const responseStream = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
      return [method.localName, { path: `/${schema.typeName}/${method.name}`, requestStream, responseStream, ...codec(method) }];
    }),
  );
}

async function unary(client: Calls): Promise<void> {
  const metadata = new GrpcMetadata();
  metadata.set("x-grpc-test-echo-initial", "ahead");
  metadata.set("x-grpc-test-echo-trailing-bin", Buffer.from([171, 171, 171]));
  const [answer, ahead, behind] = await new Promise<[Sized, Metadata, Metadata]>((resolve, reject) => {
    let first: Metadata;
    let found: Sized;
    const call = client.unaryCall({ responseSize: 314_159, payload: { body: new Uint8Array(271_828) } }, metadata, (error, answer) =>
      error ? reject(error) : void (found = answer as Sized),
    );
    call.on("metadata", (headers: Metadata) => (first = headers));
    call.on("status", (ended: { readonly code: number; readonly metadata: Metadata }) => {
      if (ended.code === status.OK) setImmediate(() => resolve([found, first, ended.metadata]));
    });
  });
  assert.equal(answer.payload.body.length, 314_159);
  assert.deepEqual(ahead.get("x-grpc-test-echo-initial"), ["ahead"]);
  assert.deepEqual(behind.get("x-grpc-test-echo-trailing-bin"), [Buffer.from([171, 171, 171])]);
}

async function refused(client: Calls): Promise<void> {
  const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
  const error = await new Promise<ServiceError | null>((resolve) => {
    client.unaryCall({ responseStatus: { code: 2, message } }, new GrpcMetadata(), resolve);
  });
  assert.deepEqual([error?.code, error?.details], [status.UNKNOWN, message]);
}

async function clientStream(client: Calls): Promise<void> {
  const answer = await new Promise<{ readonly aggregatedPayloadSize: number } | undefined>((resolve, reject) => {
    const call = client.streamingInputCall((error, found) => (error ? reject(error) : resolve(found)));
    for (const size of [1, 20, 300]) call.write({ payload: { body: new Uint8Array(size) } });
    call.end();
  });
  assert.equal(answer?.aggregatedPayloadSize, 321);
}

async function pingPong(client: Calls): Promise<void> {
  const call = client.fullDuplexCall();
  const sizes: number[] = [];
  call.write({ responseParameters: [{ size: answerSizes[0] }] });
  for await (const { payload } of call as AsyncIterable<Sized>) {
    sizes.push(payload.body.length);
    const size = answerSizes[sizes.length];
    if (size === undefined) call.end();
    else call.write({ responseParameters: [{ size }] });
  }
  assert.deepEqual(sizes, answerSizes);
}

async function cancelled(client: Calls): Promise<void> {
  const call = client.streamingOutputCall({ responseParameters: [{ size: 7 }, { size: 8, intervalUs: 600_000_000 }] });
  const error = once(call, "error") as Promise<[ServiceError]>;
  const [first] = (await once(call, "data")) as [Sized];
  assert.equal(first.payload.body.length, 7);
  call.cancel();
  assert.equal((await error)[0].code, status.CANCELLED);
}

async function sizesOf(answers: ClientReadableStream<Sized>): Promise<number[]> {
  const sizes: number[] = [];
  for await (const { payload } of answers as AsyncIterable<Sized>) sizes.push(payload.body.length);
  return sizes;
}
