// What compiles is the test: tsc checks this file, running it only shows that it loads.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "../call.ts";
import { createClient } from "./client.ts";
import { createFetchTransport } from "./fetch-transport.ts";
import { createWireTransport } from "./node/transport.ts";
import type { CountResponse, GreeterClient, HelloResponse, SumResponse } from "./testdata/greeter.weir.ts";
import { Greeter } from "./testdata/greeter.weir.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function holds<_T extends true>(): void {}

async function* numbers(): AsyncGenerator<{ number: number }> {
  yield { number: 1 };
}

/** Never run: its types are what is looked at. */
export async function typesOfClient(call: Call): Promise<void> {
  const client = createClient(Greeter, createFetchTransport({ baseUrl: "/" }), { timeoutMs: 1000 });
  holds<Same<typeof client, GreeterClient>>();
  const greeting = client.hello({ name: "a" }, call);
  holds<Same<typeof greeting, Promise<HelloResponse>>>();
  const counted = client.count({ count: 1 }, { timeoutMs: 5, metadata: ["a", "b"] });
  holds<Same<typeof counted, AsyncIterable<CountResponse>>>();
  const sum = client.sum(numbers());
  holds<Same<typeof sum, Promise<SumResponse>>>();
  client.echo(numbers(), call);
  // @ts-expect-error a field that the contract does not have
  await client.hello({ nam: "a" });
  // @ts-expect-error a field of another type
  await client.hello({ name: 1 });
  // @ts-expect-error a method that the contract does not have
  client.goodbye({});
  // @ts-expect-error one message for a stream
  await client.sum({ number: 1 });
  // @ts-expect-error a stream for one message
  await client.hello(numbers());
  // @ts-expect-error gRPC needs trailers, which fetch does not show
  createFetchTransport({ baseUrl: "/", protocol: "grpc" });
  // @ts-expect-error an encoding that does not exist
  createWireTransport({ url: "http://127.0.0.1:1", encoding: "xml" });
}

test("the types of a client are those of its contract", () => {
  assert.equal(typeof typesOfClient, "function");
});
