import assert from "node:assert/strict";
import { test } from "node:test";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Health } from "../../../contract/grpc/health/v1/health.weir.ts";
import type { ServerReflectionRequest, ServerReflectionResponse } from "../../../contract/grpc/reflection/v1/reflection.weir.ts";
import { ServerReflection } from "../../../contract/grpc/reflection/v1/reflection.weir.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../contract/grpc/reflection/v1alpha/reflection.weir.ts";
import { Golden } from "../../../contract/testdata/golden.weir.ts";
import { isFault } from "../../../fault.ts";
import { createTestTransport } from "../../../testing/transport.ts";
import { createClient } from "../../client.ts";
import type { Implementation } from "../../implement.ts";
import { createHealth } from "../health/health.ts";
import { createReflection } from "./reflection.ts";

type Asked = ServerReflectionRequest["messageRequest"];

/** A service of which only the contract counts here. */
const golden: Implementation = { descriptor: Golden, methods: [] };
const served = [golden, createHealth([]).implementation];
const transport = createTestTransport(createReflection(served));

async function ask(
  asked: readonly Asked[],
  client = createClient(ServerReflection, transport),
): Promise<ServerReflectionResponse["messageResponse"][]> {
  const found: ServerReflectionResponse["messageResponse"][] = [];
  async function* requests(): AsyncGenerator<Partial<ServerReflectionRequest>, void> {
    for (const messageRequest of asked) yield { host: "here", messageRequest };
  }
  for await (const response of client.serverReflectionInfo(requests())) {
    assert.equal(response.validHost, "here");
    assert.deepEqual(response.originalRequest, { host: "here", messageRequest: asked[found.length] });
    found.push(response.messageResponse);
  }
  return found;
}

function filesOf(answer: ServerReflectionResponse["messageResponse"] | undefined): FileDescriptorProto[] {
  if (answer?.case !== "fileDescriptorResponse") assert.fail(`expected files, found ${answer?.case}`);
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

const namesOf = (answer: ServerReflectionResponse["messageResponse"] | undefined): string[] => filesOf(answer).map((file) => file.name);

test("reflection lists every service, its own too, in both versions", async () => {
  const names = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "weir.golden.v1.Golden",
  ];
  const expected = [{ case: "listServicesResponse", value: { service: names.map((name) => ({ name })) } }];
  const asked = [{ case: "listServices", value: "*" }] as const;
  assert.deepEqual(await ask(asked), expected);
  assert.deepEqual(await ask(asked, createClient(ServerReflectionAlpha, transport)), expected);
});

test("reflection gives a file with all that it imports, and an import once in a stream", async () => {
  const name = "testdata/golden.proto";
  const [first, second, third] = await ask([
    { case: "fileByFilename", value: name },
    { case: "fileByFilename", value: name },
    { case: "fileByFilename", value: "google/api/annotations.proto" },
  ]);
  const files = filesOf(first);
  const given = new Set(files.map((file) => file.name));
  assert.equal(given.size, files.length);
  for (const file of files) for (const imported of file.dependency) assert.ok(given.has(imported), imported);
  assert.deepEqual(namesOf(second), [name]);
  assert.deepEqual(namesOf(third), ["google/api/annotations.proto"]);
  // Whole: whoever has them can call the service.
  const [own] = files;
  assert.ok(own?.name === name);
  const registry = createFileRegistry(own, (imported) => files.find((file) => file.name === imported));
  const methods = registry.getService("weir.golden.v1.Golden")?.methods.map((method) => method.name);
  assert.deepEqual(
    methods,
    Object.values(Golden.methods).map((method) => method.name),
  );
});

test("reflection finds the file of every kind of symbol", async () => {
  const symbols = {
    "weir.golden.v1.Golden": "testdata/golden.proto",
    [`weir.golden.v1.Golden.${Object.values(Golden.methods)[0]?.name}`]: "testdata/golden.proto",
    "weir.golden.v1.Scalars": "testdata/golden.proto",
    "weir.golden.v1.Scalars.double_field": "testdata/golden.proto",
    "weir.golden.v1.Outer.Inner.Kind": "testdata/golden.proto",
    "weir.golden.v1.Color": "testdata/golden.proto",
    "weir.golden.common.v1.Money": "testdata/common.proto",
    "grpc.health.v1.HealthCheckResponse.ServingStatus": "grpc/health/v1/health.proto",
    "grpc.health.v1.HealthCheckResponse.SERVICE_UNKNOWN": "grpc/health/v1/health.proto",
    "grpc.reflection.v1alpha.ServerReflection": "grpc/reflection/v1alpha/reflection.proto",
    "grpc.reflection.v1.ServerReflectionRequest.message_request": "grpc/reflection/v1/reflection.proto",
    "google.protobuf.FieldOptions": "google/protobuf/descriptor.proto",
    "google.api.http": "google/api/annotations.proto",
    "weir.policy": "weir/options.proto",
  };
  const answers = await Promise.all(
    Object.keys(symbols).map(async (value) => namesOf((await ask([{ case: "fileContainingSymbol", value }]))[0])[0]),
  );
  assert.deepEqual(answers, Object.values(symbols));
});

test("reflection knows extensions by number", async () => {
  const containingType = "google.protobuf.MethodOptions";
  const [file, numbers, none] = await ask([
    { case: "fileContainingExtension", value: { containingType, extensionNumber: 50610 } },
    { case: "allExtensionNumbersOfType", value: containingType },
    { case: "allExtensionNumbersOfType", value: "weir.golden.v1.Scalars" },
  ]);
  assert.equal(namesOf(file)[0], "weir/options.proto");
  assert.deepEqual(numbers?.value, { baseTypeName: containingType, extensionNumber: [50610, 50611, 72295728] });
  assert.deepEqual(none?.value, { baseTypeName: "weir.golden.v1.Scalars", extensionNumber: [] });
});

test("reflection says what is not there and goes on, but ends on a request for nothing", async () => {
  const answers = await ask([
    { case: "fileByFilename", value: "none.proto" },
    { case: "fileContainingSymbol", value: ".weir.golden.v1.Golden" },
    { case: "fileContainingExtension", value: { containingType: "google.protobuf.MethodOptions", extensionNumber: 1 } },
    { case: "fileContainingExtension", value: { containingType: "none", extensionNumber: 50610 } },
    { case: "allExtensionNumbersOfType", value: Health.typeName },
    { case: "listServices", value: "" },
  ]);
  assert.deepEqual(
    answers.map((answer) => (answer.case === "errorResponse" ? answer.value.errorCode : answer.case)),
    [5, 5, 5, 5, 5, "listServicesResponse"],
  );
  assert.deepEqual(answers[0]?.value, { errorCode: 5, errorMessage: 'Expected a file of this server, found "none.proto".' });
  await assert.rejects(ask([{ case: undefined }]), (error) => isFault(error) && error.reason === "REFLECTION_INVALID");
});
