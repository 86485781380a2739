// However a call ends, the source of its requests is told to stop.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../../call.ts";
import { fault } from "../../fault.ts";
import { createClient } from "../client.ts";
import { createGreeter, eventually, startGreeter } from "../testdata/greeter.ts";
import { Greeter, SumResponse } from "../testdata/greeter.weir.ts";
import type { GreeterClient } from "../testdata/greeter.weir.ts";
import { createBalancedClient } from "./balance/balanced-client.ts";
import type { WireTransport, WireTransportOptions } from "./transport.ts";
import { createWireTransport } from "./transport.ts";

const implementation = createGreeter({
  async sum(requests, call) {
    for await (const { number } of requests) {
      if (number === 2) throw fault({ reason: "TWO", code: "ABORTED" }, "No twos.");
      if (number === 3) return SumResponse.create({ total: 3 });
      if (number === 4) await new Promise((_, reject) => call.onEnd(reject));
    }
    return SumResponse.create({});
  },
});

interface Source {
  readonly requests: AsyncIterable<{ number: number }>;
  readonly asked: () => number;
  readonly left: () => number;
}

/** Gives the number and then waits, or goes on for ever; counts how it is asked and left. */
function sourceOf(number: number, goesOn: boolean): Source {
  let [asked, left] = [0, 0];
  const requests = {
    [Symbol.asyncIterator]: () => ({
      next() {
        asked += 1;
        if (asked === 1) return Promise.resolve({ done: false as const, value: { number } });
        if (goesOn)
          return new Promise<IteratorResult<{ number: number }>>((resolve) =>
            setImmediate(() => resolve({ done: false, value: { number: 1 } })),
          );
        return new Promise<never>(() => undefined);
      },
      return() {
        left += 1;
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  };
  return { requests, asked: () => asked, left: () => left };
}

const ends: Record<string, { readonly number: number; readonly run: (client: GreeterClient, source: Source) => Promise<unknown> }> = {
  "the handler fails": { number: 2, run: (client, { requests }) => client.sum(requests) },
  "the handler answers early": { number: 3, run: (client, { requests }) => client.sum(requests) },
  "the deadline passes": { number: 4, run: (client, { requests }) => client.sum(requests, { timeoutMs: 300 }) },
  "the caller gives up": {
    number: 4,
    async run(client, { requests, asked }) {
      const call = new Call();
      const answer = client.sum(requests, call);
      answer.catch(() => undefined);
      await eventually(() => asked() > 0, "the source to be asked");
      call.cancel();
      await answer;
    },
  },
  "the loop is left": {
    number: 1,
    async run(client, { requests }) {
      for await (const answer of client.echo(requests)) if (answer.total > 0) break;
    },
  },
};

const kinds: readonly (Pick<WireTransportOptions, "protocol" | "http2"> & { readonly balanced?: boolean })[] = [
  { protocol: "grpc" },
  { protocol: "grpc", balanced: true },
  { protocol: "connect", http2: true },
  { protocol: "connect", http2: false },
  { protocol: "grpc-web", http2: false },
];

function transportTo(url: string, { balanced, ...options }: (typeof kinds)[number]): WireTransport {
  if (balanced !== true) return createWireTransport({ url, ...options });
  const client = createBalancedClient({ target: `static:///${new URL(url).host}` });
  return Object.assign(createWireTransport({ client, ...options }), { close: () => client.close() });
}

for (const kind of kinds) {
  const { protocol, http2, balanced } = kind;
  for (const [end, { number, run }] of Object.entries(ends)) {
    for (const goesOn of [false, true]) {
      const name = `${protocol}${http2 === false ? " over HTTP/1.1" : ""}${balanced === true ? ", balanced" : ""}`;
      // In one direction after the other the loop has nothing to leave before the requests are over.
      if (end === "the loop is left" && http2 === false) continue;
      test(`a source that ${goesOn ? "goes on" : "waits"} is left once when ${end}, ${name}`, { timeout: 10_000 }, async () => {
        await using greeter = await startGreeter(implementation);
        const transport = transportTo(greeter.url, kind);
        const source = sourceOf(number, goesOn);
        await run(createClient(Greeter, transport), source).catch(() => undefined);
        await eventually(() => source.left() === Math.min(1, source.asked()), "the source to be left");
        await transport.close();
        // On a busy machine the time may be over before the source was asked.
        assert.equal(source.left(), Math.min(1, source.asked()));
      });
    }
  }
}
