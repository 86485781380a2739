import assert from "node:assert/strict";
import { test } from "node:test";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import type { GenMessage, GenService } from "@bufbuild/protobuf/codegenv2";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { file_google_protobuf_descriptor, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Client, Code as ConnectCode, Transport } from "@connectrpc/connect";
import { ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import {
  createConnectTransport as createConnectWebTransport,
  createGrpcWebTransport as createGrpcWebWebTransport,
} from "@connectrpc/connect-web";
import type { Code } from "../../fault.ts";
import { codes, fault } from "../../fault.ts";
import { detailFromMessage } from "../fault-detail.ts";
import { createGreeter, startGreeter } from "../testdata/greeter.ts";
import { CountRequest, Greeter, HelloResponse } from "../testdata/greeter.weir.ts";

/** The greeter as connect-es would generate it. */
type GreeterDescriptor = GenService<{
  hello: { methodKind: "unary"; input: GenMessage<never>; output: GenMessage<never> };
}>;

/** What this file asks of the client that connect-es makes of a descriptor. */
interface GreeterClient {
  hello(request: { name: string }, options?: object): Promise<{ greeting: string }>;
  count(request: { count: number; text?: string }, options?: object): AsyncIterable<{ number: number }>;
  sum(requests: AsyncIterable<{ number: number }>): Promise<{ total: number }>;
  echo(requests: AsyncIterable<{ number: number }>): AsyncIterable<{ total: number }>;
}

const files = ((await Greeter.files?.()) ?? []).map((text): FileDescriptorProto =>
  fromBinary(FileDescriptorProtoSchema, Buffer.from(text, "base64")),
);
const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file_google_protobuf_descriptor.proto, ...files] }));
const service = registry.getService("weir.greeter.v1.Greeter") as unknown as GreeterDescriptor;

const clientOver = (transport: Transport): GreeterClient =>
  createClient(service, transport) as Client<GreeterDescriptor> as unknown as GreeterClient;

/** Every protocol, version, encoding and compression that connect-es speaks in Node. `full` when both sides may talk at once. */
const transports: Record<string, { readonly make: (baseUrl: string) => Transport; readonly full: boolean; readonly streams: boolean }> = {};
for (const httpVersion of ["1.1", "2"] as const) {
  for (const useBinaryFormat of [true, false]) {
    for (const sendCompression of [undefined, compressionGzip]) {
      const options = (baseUrl: string) => ({ baseUrl, httpVersion, useBinaryFormat, sendCompression, compressMinBytes: 1 });
      const name = `over HTTP/${httpVersion}, ${useBinaryFormat ? "proto" : "json"}${sendCompression ? ", gzip" : ""}`;
      const full = httpVersion === "2";
      transports[`Connect ${name}`] = { make: (url) => createConnectTransport(options(url)), full, streams: true };
      transports[`gRPC-Web ${name}`] = { make: (url) => createGrpcWebTransport(options(url)), full, streams: true };
      if (full) transports[`gRPC ${name}`] = { make: (url) => createGrpcTransport(options(url)), full, streams: true };
    }
  }
}
for (const useBinaryFormat of [true, false]) {
  const name = `of connect-web, ${useBinaryFormat ? "proto" : "json"}`;
  transports[`Connect ${name}`] = {
    make: (baseUrl) => createConnectWebTransport({ baseUrl, useBinaryFormat }),
    full: false,
    streams: false,
  };
  transports[`gRPC-Web ${name}`] = {
    make: (baseUrl) => createGrpcWebWebTransport({ baseUrl, useBinaryFormat }),
    full: false,
    streams: false,
  };
}

async function* numbers(...list: number[]): AsyncGenerator<{ number: number }> {
  for (const number of list) yield { number };
}

for (const [name, { make, full, streams }] of Object.entries(transports)) {
  test(`every kind of method answers ${name}`, async () => {
    await using greeter = await startGreeter(createGreeter(), { compressBytesMin: 1 });
    const client = clientOver(make(greeter.url));
    assert.equal((await client.hello({ name: "Ada" })).greeting, "hello Ada");
    const counted: number[] = [];
    for await (const { number } of client.count({ count: 3, text: "x".repeat(2000) })) counted.push(number);
    assert.deepEqual(counted, [1, 2, 3]);
    if (!streams) return;
    assert.equal((await client.sum(numbers(1, 2, 3))).total, 6);
    const totals: number[] = [];
    for await (const { total } of client.echo(numbers(1, 2, 3))) totals.push(total);
    assert.deepEqual(totals, [1, 3, 6]);
    if (!full) return;
    // Each number is only sent once the one before has been answered.
    let answered = Promise.withResolvers<void>();
    const taking = async function* (): AsyncGenerator<{ number: number }> {
      for (const number of [1, 2]) {
        yield { number };
        await answered.promise;
      }
    };
    for await (const { total } of client.echo(taking())) {
      totals.push(total);
      answered.resolve();
      answered = Promise.withResolvers();
      if (total === 3) answered.resolve();
    }
    assert.deepEqual(totals.slice(3), [1, 3]);
  });

  test(`codes, details, headers and trailers come ${name}`, async () => {
    const detail = detailFromMessage(CountRequest, CountRequest.create({ count: 7 }));
    const fail = (code: string, call: { replyMetadata: string[]; replyTrailers: string[] }): void => {
      call.replyMetadata.push("x-head", "h", "x-head-bin", "AAEC");
      call.replyTrailers.push("x-trail", "t");
      if (code !== "") throw fault({ reason: "PLANTED", code: code as Code }, "Plänted.", { details: [detail] });
    };
    const implementation = createGreeter({
      async hello({ name: code }, call) {
        fail(code, call);
        return HelloResponse.create({});
      },
      async *count({ count, text }, call) {
        call.replyMetadata.push("x-head", "h");
        if (count > 0) yield { number: 1, text: "" };
        fail(text, { replyMetadata: [], replyTrailers: call.replyTrailers });
      },
    });
    await using greeter = await startGreeter(implementation);
    const client = clientOver(make(greeter.url));
    for (const code of Object.keys(codes) as Code[]) {
      const failed = async (run: () => Promise<unknown>): Promise<ConnectError> => {
        const thrown: unknown = await run().then(
          () => undefined,
          (error: unknown) => error,
        );
        assert.ok(thrown instanceof ConnectError, code);
        return thrown;
      };
      const drain = async (count: number): Promise<void> => {
        for await (const _ of client.count({ count, text: code })) void _;
      };
      for (const run of [() => client.hello({ name: code }), () => drain(0), () => drain(1)]) {
        const found = await failed(run);
        assert.deepEqual([found.code, found.rawMessage], [codes[code].grpc as ConnectCode, "Plänted."]);
        const details = found.details.map((one) => ("type" in one ? [one.type, ...one.value] : []));
        assert.deepEqual(details.at(-1), [CountRequest.typeName, ...(detail.bytes ?? [])]);
        assert.equal(found.metadata.get("x-trail"), "t");
        assert.equal(found.metadata.get("x-head"), "h");
      }
    }
    const seen: Record<string, string | null> = {};
    const listen = {
      onHeader: (headers: Headers) => (seen["header"] = `${headers.get("x-head")} ${headers.get("x-head-bin")}`),
      onTrailer: (trailers: Headers) => (seen["trailer"] = trailers.get("x-trail")),
    };
    await client.hello({ name: "" }, listen);
    assert.deepEqual(seen, { header: "h AAEC", trailer: "t" });
  });
}

test("a deadline of Connect and gRPC-Web reaches the handler", async () => {
  let remainingMs = Infinity;
  const implementation = createGreeter({
    async hello(_, call) {
      remainingMs = call.remainingMs();
      return HelloResponse.create({});
    },
  });
  await using greeter = await startGreeter(implementation, { timeoutMsMax: Infinity });
  for (const make of [createConnectTransport, createGrpcWebTransport]) {
    const client = clientOver(make({ baseUrl: greeter.url, httpVersion: "1.1" }));
    await client.hello({ name: "" });
    assert.equal(remainingMs, Infinity);
    await client.hello({ name: "" }, { timeoutMs: 5000 });
    assert.ok(remainingMs > 3000 && remainingMs <= 5000, String(remainingMs));
  }
});
