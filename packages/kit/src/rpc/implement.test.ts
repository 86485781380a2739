import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import { isFault } from "../fault.ts";
import { createTestTransport } from "../testing/transport.ts";
import { createClient } from "./client.ts";
import { implement } from "./implement.ts";
import { createGreeter } from "./testdata/greeter.ts";
import type { GreeterClient, GreeterHandlers, HelloResponse } from "./testdata/greeter.weir.ts";
import { Greeter, HelloResponse as Hello } from "./testdata/greeter.weir.ts";

const hello: GreeterHandlers["hello"] = async ({ name }) => Hello.create({ greeting: name });
const count: GreeterHandlers["count"] = async function* () {};
const sum: GreeterHandlers["sum"] = async () => ({ total: 0 });
const echo: GreeterHandlers["echo"] = async function* () {};
const handlers: GreeterHandlers = { hello, count, sum, echo };

test("implement refuses a missing, a false and an unknown handler at the start, by name", () => {
  const table: [handlers: object, reason: string, name: RegExp][] = [
    [{ ...handlers, hello: undefined }, "HANDLER_MISSING", /"hello".*undefined/],
    [{ ...handlers, sum: "no function" }, "HANDLER_MISSING", /"sum".*string/],
    [{ ...handlers, helo: async () => ({}) }, "HANDLER_UNKNOWN", /"helo"/],
    [{}, "HANDLER_MISSING", /"hello"/],
  ];
  for (const [given, reason, name] of table) {
    assert.throws(
      () => implement(Greeter, given as GreeterHandlers),
      (thrown) => isFault(thrown) && thrown.reason === reason && name.test(thrown.message),
    );
  }
});

test("handlers may be methods of an object with state of its own", async () => {
  class Counter implements GreeterHandlers {
    calls = 0;
    async hello(): Promise<HelloResponse> {
      return Hello.create({ greeting: `call ${++this.calls}` });
    }
    readonly count = count;
    readonly sum = sum;
    readonly echo = echo;
  }
  const client = createClient(Greeter, createTestTransport([implement(Greeter, new Counter())]));
  assert.equal((await client.hello({})).greeting, "call 1");
  assert.equal((await client.hello({})).greeting, "call 2");
});

test("an implementation's methods are Services in the order of the contract", async () => {
  const { methods, descriptor } = createGreeter();
  assert.equal(descriptor, Greeter);
  assert.deepEqual(
    methods.map((method) => method.descriptor.localName),
    ["hello", "count", "sum", "echo"],
  );
  const [first] = methods;
  const answer = await first?.service({ stream: false, message: { name: "x", tags: [] } }, new Call());
  assert.ok(answer && !answer.stream);
  assert.equal((answer.message as HelloResponse).greeting, "hello x");
  await assert.rejects(
    async () => first?.service({ stream: true, messages: (async function* () {})() }, new Call()),
    /other kind of message/,
  );
});

test("wrong handlers and wrong calls do not compile", () => {
  const neverRun = (client: GreeterClient): unknown[] => [
    // @ts-expect-error a handler is missing
    implement(Greeter, { hello, count, sum }),
    // @ts-expect-error a handler of no method
    implement(Greeter, { ...handlers, helo: hello }),
    // @ts-expect-error a handler answers another message
    implement(Greeter, { ...handlers, hello: async () => ({ total: 1 }) }),
    // @ts-expect-error a handler answers without a promise
    implement(Greeter, { ...handlers, hello: () => Hello.create() }),
    // @ts-expect-error a stream is answered by one message
    implement(Greeter, { ...handlers, count: async () => ({ number: 1, text: "" }) }),
    // @ts-expect-error a handler reads a field that the request does not have
    implement(Greeter, { ...handlers, hello: async ({ nane }) => Hello.create({ greeting: nane }) }),
    // @ts-expect-error a field of another type
    client.hello({ name: 1 }),
    // @ts-expect-error an unknown field
    client.hello({ nane: "x" }),
    // @ts-expect-error an unknown method
    client.helo({}),
    // @ts-expect-error an unknown option of the call
    client.hello({}, { timeout: 5 }),
    // @ts-expect-error a stream has no promise
    client.count({}).then(undefined, undefined),
    // @ts-expect-error the answer has no such field
    client.hello({}).then((answer) => answer.total),
    implement(Greeter, handlers),
    client.hello({ name: "x" }, new Call()),
    client.hello({}, { timeoutMs: 5 }),
  ];
  assert.equal(typeof neverRun, "function");
  const client: GreeterClient = createClient(Greeter, createTestTransport([implement(Greeter, handlers)]));
  assert.deepEqual(Object.keys(client), ["hello", "count", "sum", "echo"]);
});
