// Handlers that do whatever a program can do wrong, asked by callers that go away at any time: every call settles, and nothing is left that
// rejects unheard, which would end the process (the runner fails then).
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Call } from "../../call.ts";
import { fault, isFault } from "../../fault.ts";
import { createClient } from "../client.ts";
import { createGreeter, eventually, startGreeter } from "../testdata/greeter.ts";
import type { GreeterHandlers } from "../testdata/greeter.weir.ts";
import { Greeter } from "../testdata/greeter.weir.ts";
import type { WireTransport } from "./transport.ts";
import { createWireTransport } from "./transport.ts";

const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 2 ** 31);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What may be thrown, answered and yielded. */
const oddities: readonly unknown[] = [
  undefined,
  null,
  7,
  "text",
  Symbol("odd"),
  {},
  [],
  new Error("plain"),
  fault({ reason: "PLANTED", code: "ABORTED" }, "Planted."),
  { brand: "weir.fault" },
  { greeting: 7, number: "x", total: {} },
];

/** How one answer, or one item of a stream, comes about. */
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
  readonly oddity: unknown;
  /** How the stream's `return` behaves. */
  readonly leaving: Step | "none";
  readonly readsRequests: boolean;
  readonly metadata: boolean;
  readonly makesSource: boolean;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  first: fc.constantFrom(...steps),
  second: fc.constantFrom(...steps),
  oddity: fc.constantFrom(...oddities),
  leaving: fc.constantFrom(...steps, "none" as const),
  readsRequests: fc.boolean(),
  metadata: fc.boolean(),
  makesSource: fc.boolean(),
});

function handlersOf(plan: () => Plan): Partial<GreeterHandlers> {
  const begin = async (requests: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of requests) continue;
  };
  const spoil = (call: Call): void => {
    if (plan().metadata) call.replyMetadata.push("x-odd", "a\r\nb", plan().oddity as string, "c");
    if (plan().metadata) call.replyTrailers.push(plan().oddity as string, plan().oddity as string);
  };
  const one = (call: Call): Promise<never> => {
    spoil(call);
    return stepOf(plan().first, plan().oddity);
  };
  const many = (call: Call): AsyncIterable<never> => {
    const { first, second, oddity, leaving, makesSource } = plan();
    spoil(call);
    if (!makesSource) return oddity as AsyncIterable<never>;
    let asked = 0;
    return {
      [Symbol.asyncIterator]: () => ({
        async next() {
          asked += 1;
          const step = asked === 1 ? first : second;
          if (asked > 3) return { done: true, value: undefined };
          return { done: false, value: await stepOf(step, oddity) };
        },
        ...(leaving !== "none" && { return: () => stepOf(leaving, oddity) }),
      }),
    };
  };
  return {
    hello: (_, call) => one(call),
    count: (_, call) => many(call),
    sum: async (requests, call) => {
      if (plan().readsRequests) await begin(requests);
      return one(call);
    },
    echo(requests, call) {
      // Its own failure is its own: a handler hears it.
      if (plan().readsRequests) begin(requests).catch(() => undefined);
      return many(call);
    },
  };
}

const kinds = [
  { protocol: "grpc", http2: true },
  { protocol: "grpc-web", http2: false },
  { protocol: "connect", http2: false },
  { protocol: "connect", http2: true },
] as const;

/** When the caller gives up: at once, after some turns, or by its deadline. */
const leavings = fc.constantFrom(0, 1, 3, 8, "deadline" as const);

test("whatever handlers and callers do, every call settles and nobody else notices", { timeout: 240_000 }, async (t) => {
  t.diagnostic(`seed ${seed}`);
  let plan: Plan | undefined;
  const planned = handlersOf(() => plan as Plan);
  const own = createGreeter();
  const greeter = createGreeter({
    ...planned,
    hello: (request, call) =>
      request.name === "ada" ? Promise.resolve({ ...helloAda }) : (planned.hello?.(request, call) as Promise<never>),
  });
  assert.equal(greeter.methods.length, own.methods.length);
  await using running = await startGreeter(greeter, { timeoutMsMax: 60, streamTimeoutMsMax: 60 });
  const transports: WireTransport[] = kinds.map((kind) => createWireTransport({ url: running.url, ...kind }));
  const clients = transports.map((transport) => createClient(Greeter, transport, { timeoutMs: 5000 }));
  const property = fc.asyncProperty(plans, leavings, fc.nat(3), fc.nat(3), async (given, leaving, kind, method) => {
    plan = given;
    const client = clients[kind] as (typeof clients)[number];
    const call = new Call({ timeoutMs: leaving === "deadline" ? 20 : 5000 });
    const answer = [
      () => client.hello({ name: "odd" }, call),
      () => all(client.count({}, call)),
      () => client.sum(numbers(), call),
      () => all(client.echo(numbers(), call)),
    ][method]?.();
    const settled = (answer as Promise<unknown>).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (leaving !== "deadline") {
      for (let turns = 0; turns < leaving; turns++) await turn();
      call.cancel();
    }
    const thrown = await settled;
    assert.ok(thrown === undefined || isFault(thrown), String(thrown));
    assert.equal((await client.hello({ name: "ada" })).greeting, "hello ada");
  });
  await fc.assert(property, { seed, numRuns: 400, endOnFailure: true });
  await eventually(() => running.server.counters.requestsInFlight === 0, "every request to be over");
  await Promise.all(transports.map((transport) => transport.close()));
});

const helloAda = {
  greeting: "hello ada",
  tags: [],
  page: undefined,
  tone: 0,
  loud: false,
  serial: 0n,
  seal: new Uint8Array(0),
} as never as Awaited<ReturnType<GreeterHandlers["hello"]>>;

async function all(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) continue;
}

async function* numbers(): AsyncGenerator<{ number: number }> {
  yield { number: 1 };
  await turn();
  yield { number: 2 };
}
