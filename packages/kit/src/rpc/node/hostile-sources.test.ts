// Sources of requests, metadata and layers of a caller that do whatever a program can do wrong: its call settles with a Fault, the next one is
// answered, and nothing rejects unheard.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Call } from "../../call.ts";
import { fault, isFault } from "../../fault.ts";
import type { Layer, Message } from "../../service.ts";
import type { Compressor } from "../compression.ts";
import { createClient } from "../client.ts";
import { createGreeter, eventually, startGreeter } from "../testdata/greeter.ts";
import { Greeter, SumResponse } from "../testdata/greeter.weir.ts";
import { createBalancedClient } from "./balance/balanced-client.ts";
import type { WireTransport } from "./transport.ts";
import { createWireTransport } from "./transport.ts";

const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 2 ** 31);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const oddities: readonly unknown[] = [
  undefined,
  null,
  7,
  "text",
  Symbol("odd"),
  {},
  { number: "x" },
  { number: 2 ** 40 },
  new Error("plain"),
  fault({ reason: "PLANTED", code: "ABORTED" }, "Planted."),
  { brand: "weir.fault" },
];
const steps = ["answer", "throw", "reject", "reject later", "answer later", "never"] as const;
type Step = (typeof steps)[number];

function stepOf(step: Step, oddity: unknown): Promise<never> {
  if (step === "throw") throw oddity;
  if (step === "reject") return Promise.reject(oddity as Error);
  if (step === "reject later") return turn().then(() => Promise.reject(oddity as Error));
  if (step === "answer later") return turn().then(() => oddity as never);
  return step === "never" ? new Promise(() => undefined) : Promise.resolve(oddity as never);
}

interface Plan {
  readonly first: Step;
  readonly second: Step;
  readonly leaving: Step | "none";
  readonly begins: boolean;
  readonly oddity: unknown;
  readonly layer: "none" | "before" | "behind";
  readonly metadata: boolean;
  readonly packing: boolean;
  /** What the server does: reads all, answers early, fails early, or hangs. */
  readonly server: number;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  first: fc.constantFrom(...steps),
  second: fc.constantFrom(...steps),
  leaving: fc.constantFrom(...steps, "none" as const),
  begins: fc.boolean(),
  oddity: fc.constantFrom(...oddities),
  layer: fc.constantFrom("none" as const, "none" as const, "before" as const, "behind" as const),
  metadata: fc.nat(4).map((one) => one === 0),
  packing: fc.nat(4).map((one) => one === 0),
  server: fc.nat(3),
});

function sourceOf({ first, second, leaving, begins, oddity }: Plan): AsyncIterable<{ number: number }> {
  if (!begins) return oddity as AsyncIterable<never>;
  let asked = 0;
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        asked += 1;
        if (asked > 4) return Promise.resolve({ done: true, value: undefined });
        if (asked === 1) return Promise.resolve({ done: false, value: { number: 1 } });
        return stepOf(asked === 2 ? first : second, oddity).then((value) => ({ done: false, value }));
      },
      ...(leaving !== "none" && { return: () => stepOf(leaving, oddity) }),
    }),
  };
}

function layerOf(plan: () => Plan): Layer<Message<unknown>, Message<unknown>> {
  return (next) => (message, call) => {
    const { layer, first, oddity, metadata } = plan();
    if (metadata) call.metadata.push("x-odd", oddity as string, oddity as string, "x", "x-bad", "a\nb");
    if (layer === "before") return stepOf(first, oddity);
    return layer === "none" ? next(message, call) : next(message, call).then(() => stepOf(first, oddity));
  };
}

const server = createGreeter({
  async sum(requests, call) {
    const does = Number(call.metadata[call.metadata.indexOf("x-does") + 1]);
    if (does === 1) return SumResponse.create({});
    if (does === 2) throw fault({ reason: "EARLY", code: "ABORTED" }, "Early.");
    if (does === 3) await new Promise((_, reject) => call.onEnd(reject));
    for await (const _ of requests) continue;
    return SumResponse.create({});
  },
});

test("whatever a caller's own parts do, its call settles and the next one is answered", { timeout: 240_000 }, async (t) => {
  t.diagnostic(`seed ${seed}`);
  let plan: Plan | undefined;
  const planned = (): Plan => plan as Plan;
  const compressor: Compressor = {
    name: "gzip",
    compress: (bytes) => (planned().packing ? stepOf(planned().second, planned().oddity) : bytes),
    decompress: (bytes) => bytes,
  };
  await using running = await startGreeter(server, { timeoutMsMax: 60, streamTimeoutMsMax: 60, compressors: [compressor] });
  const compression = { accepts: [], sends: compressor, bytesMin: 0 };
  const balanced = createBalancedClient({ target: `static:///${new URL(running.url).host}`, outlier: false });
  const transports: WireTransport[] = [
    createWireTransport({ url: running.url, protocol: "grpc", compression }),
    createWireTransport({ client: balanced, protocol: "grpc", compression }),
    createWireTransport({ url: running.url, protocol: "grpc-web", http2: false, compression }),
    createWireTransport({ url: running.url, protocol: "connect", http2: false, compression }),
    createWireTransport({ url: running.url, protocol: "connect", http2: true, compression }),
  ];
  const clients = transports.map((transport) => createClient(Greeter, transport, { layers: [layerOf(planned)] }));
  const plain = createWireTransport({ url: running.url, protocol: "grpc" });
  const judge = createClient(Greeter, plain, { timeoutMs: 5000 });
  const property = fc.asyncProperty(
    plans,
    fc.constantFrom(0, 1, 3, 8, undefined),
    fc.nat(4),
    fc.nat(2),
    async (given, leaving, kind, method) => {
      plan = given;
      const client = clients[kind] as (typeof clients)[number];
      const call = new Call({ timeoutMs: 40, metadata: [] });
      const options = { parent: call, metadata: ["x-does", String(given.server)] };
      const answer = (): Promise<unknown> => {
        if (method === 0) return client.hello({ name: "ada" }, options);
        return method === 1 ? client.sum(sourceOf(given), options) : all(client.echo(sourceOf(given), options));
      };
      const settled = answer().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (leaving !== undefined) {
        for (let turns = 0; turns < leaving; turns++) await turn();
        call.cancel();
      }
      const thrown = await settled;
      assert.ok(thrown === undefined || isFault(thrown), String(thrown));
      assert.equal((await judge.hello({ name: "ada" })).greeting, "hello ada");
    },
  );
  await fc.assert(property, { seed, numRuns: 400, endOnFailure: true });
  await eventually(() => running.server.counters.requestsInFlight === 0, "every request to be over");
  await eventually(() => balanced.endpoints().every(({ inFlight }) => inFlight === 0), "nothing to be in flight");
  await Promise.all([...transports, plain].map((transport) => transport.close()));
  await balanced.close();
});

test("a layer that fails around an answer ends what it has been answered, at the server and in the balanced client's count", async () => {
  let [begun, left] = [0, 0];
  const endless = createGreeter({
    async *count(_, call) {
      begun += 1;
      try {
        yield { number: 1, text: "" };
        await new Promise((resolve) => call.onEnd(resolve));
      } finally {
        left += 1;
      }
    },
    hello: (_, call) => new Promise((_resolve, reject) => call.onEnd(reject)),
  });
  await using running = await startGreeter(endless);
  const balanced = createBalancedClient({ target: `static:///${new URL(running.url).host}` });
  const failing: Layer<Message<unknown>, Message<unknown>> = (next) => async (message, call) => {
    const answer = next(message, call);
    // A unary one is not waited for, a stream is answered and then dropped.
    await Promise.race([answer, turn().then(() => eventually(() => running.server.counters.requestsInFlight > 0, "the request"))]);
    throw fault({ reason: "AUDIT_FAILED", code: "INTERNAL" }, "No record of this.");
  };
  for (const options of [{ url: running.url }, { client: balanced }]) {
    const transport = createWireTransport({ ...options, protocol: "grpc" });
    const client = createClient(Greeter, transport, { layers: [failing] });
    const before = begun;
    await assert.rejects(all(client.count({})), { reason: "AUDIT_FAILED" });
    await eventually(() => begun === before + 1 && left === begun, "the stream to be left");
    await assert.rejects(client.hello({}), { reason: "AUDIT_FAILED" });
    await eventually(() => running.server.counters.requestsInFlight === 0, "the call to be given up");
    await eventually(() => balanced.endpoints().every(({ inFlight }) => inFlight === 0), "nothing to be in flight");
    await transport.close();
  }
  await balanced.close();
});

async function all(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) continue;
}
