import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { fault, isFault } from "../../fault.ts";
import { createClient } from "../client.ts";
import { createGrpcJsGreeter } from "../testdata/grpc-js-greeter.ts";
import { createGreeter, startGreeter } from "../testdata/greeter.ts";
import { CountRequest, Greeter, HelloResponse } from "../testdata/greeter.weir.ts";
import { createWireTransport } from "./transport.ts";

// As googleapis has them: google/rpc/status.proto and error_details.proto.
const { root } = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message BadRequest {
    message FieldViolation { string field = 1; string description = 2; string reason = 3; }
    repeated FieldViolation field_violations = 1;
  }`);

interface Status {
  readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
}

/** The BadRequest in a grpc-status-details-bin, by a library that knows nothing of ours. */
function badRequestIn(bytes: Uint8Array): unknown {
  const { details } = root.lookupType("google.rpc.Status").decode(bytes) as unknown as Status;
  const type = root.lookupType("google.rpc.BadRequest");
  const found = details.find(({ typeUrl }) => typeUrl === "type.googleapis.com/google.rpc.BadRequest");
  return found && type.toObject(type.decode(found.value));
}

test("what is wrong in JSON comes to clients of gRPC as a google.rpc.BadRequest in binary", async () => {
  const texts = ["ünknown", "x".repeat(100)];
  const implementation = createGreeter({
    async hello({ name }) {
      return HelloResponse.create({ greeting: String(CountRequest.fromJson({ count: name }).count) });
    },
  });
  await using greeter = await startGreeter(implementation);
  using client = createGrpcJsGreeter(Number(new URL(greeter.url).port));
  const transport = createWireTransport({ url: greeter.url, protocol: "grpc" });
  for (const text of texts) {
    const shown = text.length > 40 ? `"${text.slice(0, 40)}"… (100 characters)` : `"${text}"`;
    const violation = { field: "count", description: `expected a 32-bit integer, found ${shown}` };
    const { error, trailers } = await client.hello({ name: text });
    assert.equal(error?.code, 3);
    assert.deepEqual(badRequestIn(trailers.get("grpc-status-details-bin")[0] as Buffer), { fieldViolations: [violation] });
    // Our own client reads it back as it was.
    await assert.rejects(createClient(Greeter, transport).hello({ name: text }), (thrown: unknown) => {
      assert.ok(isFault(thrown));
      assert.deepEqual(
        [thrown.reason, thrown.details.map(({ typeName, value }) => ({ typeName, value }))],
        ["JSON_INVALID", [{ typeName: "google.rpc.BadRequest", value: { fieldViolations: [violation] } }]],
      );
      return true;
    });
  }
  await transport.close();
});

test("a BadRequest of a handler's own that has its JSON form alone travels in binary, what does not fit left out", async () => {
  const value = { fieldViolations: [{ field: "a", description: 7, reason: "R" }, "no", { description: "d" }] };
  const implementation = createGreeter({
    async hello() {
      throw fault({ reason: "X", code: "INVALID_ARGUMENT" }, "", { details: [{ typeName: "google.rpc.BadRequest", value }] });
    },
  });
  await using greeter = await startGreeter(implementation);
  using client = createGrpcJsGreeter(Number(new URL(greeter.url).port));
  const { trailers } = await client.hello({});
  assert.deepEqual(badRequestIn(trailers.get("grpc-status-details-bin")[0] as Buffer), {
    fieldViolations: [{ field: "a", reason: "R" }, { description: "d" }],
  });
});
