import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";
import type { ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import { Client, credentials, status } from "@grpc/grpc-js";
import type { MessageType } from "../contract/contract.ts";
import { HealthCheckRequest, HealthCheckResponse } from "../contract/grpc/health/v1/health.weir.ts";
import { ServerReflectionRequest, ServerReflectionResponse } from "../contract/grpc/reflection/v1/reflection.weir.ts";
import { createGreeter } from "../rpc/testdata/greeter.ts";
import { createApp } from "./app.ts";

const app = createApp({ name: "sample", version: "v1", services: [createGreeter()] });
const grpcurl = process.env["WEIR_GRPCURL"];
const greeter = "weir.greeter.v1.Greeter";

const writerOf =
  <T>(type: MessageType<T>) =>
  (message: T): Buffer =>
    Buffer.from(type.toBinary(message));
const readerOf =
  <T>(type: MessageType<T>) =>
  (bytes: Buffer): T =>
    type.fromBinary(bytes);

test("grpc-js watches the health of an app until it stops", async () => {
  await using running = await app.start();
  using client = disposable(new Client(`127.0.0.1:${running.port}`, credentials.createInsecure()));
  const stream: ClientReadableStream<HealthCheckResponse> = client.makeServerStreamRequest(
    "/grpc.health.v1.Health/Watch",
    writerOf(HealthCheckRequest),
    readerOf(HealthCheckResponse),
    HealthCheckRequest.create({ service: greeter }),
  );
  const seen: number[] = [];
  const ended = once(stream, "error") as Promise<[{ code: number }]>;
  stream.on("data", (message: HealthCheckResponse) => void seen.push(message.status));
  await once(stream, "data");
  await running.stop();
  const [error] = await ended;
  assert.deepEqual([seen, error.code], [[1, 2], status.UNAVAILABLE]);
});

for (const version of ["v1", "v1alpha"]) {
  test(`grpc-js asks for the contracts of an app by reflection ${version}`, async () => {
    await using running = await app.start();
    using client = disposable(new Client(`127.0.0.1:${running.port}`, credentials.createInsecure()));
    const stream: ClientDuplexStream<ServerReflectionRequest, ServerReflectionResponse> = client.makeBidiStreamRequest(
      `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      writerOf(ServerReflectionRequest),
      readerOf(ServerReflectionResponse),
    );
    const ask = async (messageRequest: ServerReflectionRequest["messageRequest"]): Promise<ServerReflectionResponse["messageResponse"]> => {
      const answered = once(stream, "data") as Promise<[ServerReflectionResponse]>;
      stream.write({ host: "", messageRequest });
      return (await answered)[0].messageResponse;
    };
    // Each waits for the answer to the one before: both sides speak at once.
    const file = await ask({ case: "fileContainingSymbol", value: greeter });
    assert.ok(file.case === "fileDescriptorResponse" && file.value.fileDescriptorProto.length > 1);
    const none = await ask({ case: "fileByFilename", value: "none.proto" });
    assert.ok(none.case === "errorResponse" && none.value.errorCode === status.NOT_FOUND);
    stream.end();
    const [ended] = (await once(stream, "status")) as [{ code: number }];
    assert.equal(ended.code, status.OK);
  });
}

test(
  "grpcurl lists, describes and calls what an app serves",
  { skip: grpcurl === undefined && 'set WEIR_GRPCURL: eval "$(node tools/services.ts up)"' },
  async () => {
    await using running = await app.start();
    const run = async (...args: readonly string[]): Promise<string> => {
      const all = ["-plaintext", "-max-time", "10", ...args.slice(0, -1), `127.0.0.1:${running.port}`, ...args.slice(-1)];
      return (await promisify(execFile)(grpcurl ?? "", all, { timeout: 20_000 })).stdout;
    };
    assert.match(await run("list"), /^grpc\.health\.v1\.Health\ngrpc\.reflection\.v1\.ServerReflection\n.+\nweir\.greeter\.v1\.Greeter\n$/);
    const described = await promisify(execFile)(grpcurl ?? "", ["-plaintext", `127.0.0.1:${running.port}`, "describe", greeter]);
    assert.match(described.stdout, /option \(\.google\.api\.http\) = \{ get: "\/v1\/count\/\{count\}" \};/);
    assert.deepEqual(JSON.parse(await run("-d", '{"name":"ada"}', `${greeter}/Hello`)), { greeting: "hello ada" });
    assert.equal((await run("-d", '{"count":2}', `${greeter}/Count`)).match(/"number"/g)?.length, 2);
    assert.deepEqual(JSON.parse(await run("-d", `{"service":"${greeter}"}`, "grpc.health.v1.Health/Check")), { status: "SERVING" });
    await assert.rejects(run("-d", '{"service":"none"}', "grpc.health.v1.Health/Check"), /Code: NotFound/);
  },
);

function disposable(client: Client): Client & Disposable {
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}
