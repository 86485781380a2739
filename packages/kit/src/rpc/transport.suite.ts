import assert from "node:assert/strict";
import { test } from "node:test";
import { Call, metadataValue } from "../call.ts";
import { base64FromBytes, bytesFromBase64 } from "../contract/base64.ts";
import type { Fault } from "../fault.ts";
import { fault, isFault } from "../fault.ts";
import type { Layer, Message } from "../service.ts";
import { codeFromGrpc } from "./grpc-status.ts";
import { createClient } from "./client.ts";
import { failure } from "./testdata/foreign-greeter.ts";
import { eventually } from "./testdata/greeter.ts";
import { Greeter, HelloResponse } from "./testdata/greeter.weir.ts";
import type { Transport } from "./transport.ts";

/** A transport under test, to a greeter as testdata/foreign-greeter.ts describes it. */
export interface TransportCase {
  readonly name: string;
  /** Begins a server and a transport to it. */
  begin(): Promise<RunningCase>;
  /** What the transport cannot do. */
  readonly lacks?: readonly ("request streams" | "full duplex")[];
}

/** A transport and its server; `close` ends both. */
export interface RunningCase {
  readonly transport: Transport;
  /** Calls that the server has open. */
  open(): number;
  close(): Promise<void>;
}

type Any = Message<unknown>;

async function* numbersFrom(...numbers: number[]): AsyncGenerator<{ number: number }> {
  for (const number of numbers) yield { number };
}

async function collect(stream: AsyncIterable<{ number: number }>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { number } of stream) numbers.push(number);
  return numbers;
}

/** The one suite of every transport over every protocol, against servers that others wrote and ours. */
export function testTransport(given: TransportCase): void {
  const lacks = new Set(given.lacks);
  const check: Checks = (what, run) => {
    test(`${given.name}: ${what}`, { timeout: 30_000 }, async () => {
      const running = await given.begin();
      try {
        await run(running);
      } finally {
        await running.close();
      }
    });
  };
  testKinds(check, lacks);
  testMetadata(check);
  testEnds(check, lacks);
}

type Checks = (what: string, run: (running: RunningCase) => Promise<void>) => void;
type Lacks = ReadonlySet<string>;

function testKinds(check: Checks, lacks: Lacks): void {
  check("every kind of method gives what the server answered", async ({ transport }) => {
    const client = createClient(Greeter, transport);
    const seal = Uint8Array.from({ length: 5000 }, (_, index) => index % 7);
    const asked = { name: "ada – ü", tags: ["a", "b"], serial: 2n ** 60n, seal, loud: true };
    assert.deepEqual(await client.hello(asked), HelloResponse.create({ ...asked, name: undefined, greeting: "hello ada – ü" } as never));
    assert.deepEqual(await client.hello({}), HelloResponse.create({ greeting: "hello " }));
    assert.deepEqual(await collect(client.count({ count: 3, text: "x" })), [1, 2, 3]);
    assert.deepEqual(await collect(client.count({ count: -1 })), []);
    assert.equal((await collect(client.count({ count: 700, text: "long enough to fill a window".repeat(4) }))).length, 700);
    if (lacks.has("request streams")) return;
    assert.deepEqual(await client.sum(numbersFrom(1, 2, 3)), { total: 6 });
    assert.deepEqual(await client.sum(numbersFrom()), { total: 0 });
    if (lacks.has("full duplex")) return;
    const totals: number[] = [];
    for await (const { total } of client.echo(numbersFrom(1, 2, 3))) totals.push(total);
    assert.deepEqual(totals, [1, 3, 6]);
  });

  if (!lacks.has("request streams") && !lacks.has("full duplex")) {
    check("both directions of a call go on at once", async ({ transport }) => {
      const client = createClient(Greeter, transport);
      let give: (result: IteratorResult<{ number: number }>) => void = () => undefined;
      const requests = {
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<{ number: number }>>((resolve) => (give = resolve)) }),
      };
      const answers = client.echo(requests)[Symbol.asyncIterator]();
      for (const [number, total] of [
        [1, 1],
        [10, 11],
        [100, 111],
      ] as const) {
        const next = answers.next();
        await eventually(() => give.name !== "give", "the request to be pulled");
        give({ done: false, value: { number } });
        assert.deepEqual((await next).value, { total });
      }
      const last = answers.next();
      give({ done: true, value: undefined });
      assert.equal((await last).done, true);
    });
  }
}

function testMetadata(check: Checks): void {
  check("metadata goes and comes, binary too", async ({ transport }) => {
    let seen: Call | undefined;
    const keep: Layer<Any, Any> = (next) => (message, call) => next(message, (seen = call));
    const client = createClient(Greeter, transport, { layers: [keep] });
    const bytes = Uint8Array.of(0, 1, 255, 254, 10);
    await client.hello({ name: "m" }, { metadata: ["x-echo", "plain value", "x-echo-bin", base64FromBytes(bytes).replace(/=+$/, "")] });
    assert.ok(seen);
    assert.equal(metadataValue(seen.replyMetadata, "x-head"), "plain value");
    assert.deepEqual(bytesFromBase64(metadataValue(seen.replyTrailers, "x-trailer-bin") ?? ""), bytes);
    assert.ok(
      seen.replyTrailers.every((item, index) => index % 2 === 1 || !item.startsWith("grpc-")),
      seen.replyTrailers.join(),
    );
  });

  check("every code comes as a Fault with message and details", async ({ transport }) => {
    const client = createClient(Greeter, transport);
    const isPlanted = (number: number) => (thrown: unknown) => {
      assert.ok(isFault(thrown), String(thrown));
      assert.deepEqual([thrown.code, thrown.message, thrown.reason], [codeFromGrpc(number), failure.message, "PEER_FAULT"]);
      const { typeName, bytes } = thrown.details[0] ?? {};
      assert.deepEqual([typeName, bytes && Uint8Array.from(bytes)], [failure.detailType, failure.detail]);
      return true;
    };
    for (let number = 1; number <= 16; number++) await assert.rejects(client.hello({ name: `fail:${number}` }), isPlanted(number));
    const numbers: number[] = [];
    await assert.rejects(async () => {
      for await (const { number } of client.count({ count: 2, text: "fail" })) numbers.push(number);
    }, isPlanted(10));
    assert.deepEqual(numbers, [1, 2]);
  });
}

function testEnds(check: Checks, lacks: Lacks): void {
  check("a call ends at its deadline and the server hears of it", async ({ transport, open }) => {
    const client = createClient(Greeter, transport);
    const code = (expected: string) => (thrown: unknown) => isFault(thrown) && thrown.code === expected;
    await assert.rejects(client.hello({ name: "hang" }, { timeoutMs: 40 }), code("DEADLINE_EXCEEDED"));
    await assert.rejects(collect(client.count({ count: 0 }, { timeoutMs: 40 })), code("DEADLINE_EXCEEDED"));
    await eventually(() => open() === 0, "the server to have no call open");
  });

  check("a call that is given up tells the server, whoever waits hears why", async ({ transport, open }) => {
    const client = createClient(Greeter, transport);
    const call = new Call();
    const hanging = client.hello({ name: "hang" }, call);
    await eventually(() => open() === 1, "the call to be there");
    call.cancel(fault({ reason: "ENOUGH", code: "ABORTED" }, "Enough."));
    await assert.rejects(hanging, (thrown) => (thrown as Fault).reason === "ENOUGH");
    for await (const { number } of client.count({ count: 0 })) if (number === 3) break;
    await eventually(() => open() === 0, "the server to have no call open");
    assert.equal((await client.hello({ name: "after" })).greeting, "hello after");
  });

  if (!lacks.has("request streams")) {
    check("requests that break off fail the call with the caller's own reason", async ({ transport, open }) => {
      const client = createClient(Greeter, transport);
      async function* broken(): AsyncGenerator<{ number: number }> {
        yield { number: 1 };
        throw fault({ reason: "OWN", code: "DATA_LOSS" }, "My own.");
      }
      await assert.rejects(client.sum(broken()), (thrown) => (thrown as Fault).reason === "OWN");
      await eventually(() => open() === 0, "the server to have no call open");
    });
  }
}
