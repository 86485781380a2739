import type { CallOptions } from "@weir/kit/call";
import { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { Client } from "@weir/wire";
import { connectWebSocket, createClient as createHttpClient, readBody } from "@weir/wire";
import type { Random } from "@weir/wire/testing/fuzz-targets";
import { rudeKinds } from "./rude.ts";
import type { TalkClient } from "./talk.weir.ts";
import { Talk } from "./talk.weir.ts";

/** One thing that is done over and over, with chance in it. */
export interface Caller {
  readonly kind: string;
  run(random: Random): Promise<unknown>;
}

/** Callers of one server, and what they hold. */
export interface Callers {
  readonly list: readonly Caller[];
  close(): Promise<void>;
}

interface Spoken {
  readonly name: string;
  readonly talk: TalkClient;
  readonly clock: Clock;
  /** Whether both directions may stream at once. */
  readonly duplex: boolean;
}

const bodyBytesMax = 1 << 20;
const timeoutMs = 5000;

/** Whom to call, and how. */
export interface CallersOptions {
  readonly name: string;
  readonly port: number;
  /** Whether rude clients call as well, who break off and break rules. */
  readonly rude: boolean;
  readonly clock: Clock;
}

const protocols = [
  { name: "connect", http2: false, duplex: false, options: { protocol: "connect" } },
  { name: "connect over HTTP/2", http2: true, duplex: true, options: { protocol: "connect", encoding: "proto" } },
  { name: "grpc", http2: true, duplex: true, options: { protocol: "grpc" } },
  { name: "grpc with gzip", http2: true, duplex: true, options: { protocol: "grpc", compression: "gzip" } },
  { name: "grpc-web", http2: false, duplex: false, options: { protocol: "grpc-web" } },
] as const;

/** Callers of everything that a server speaks. */
export function createCallers({ name, port, rude, clock }: CallersOptions): Callers {
  const pool = (http2: boolean): Client => createHttpClient({ host: "127.0.0.1", port, http2, clock });
  const pools: Client[] = [];
  const pooled = (http2: boolean): Client => {
    const client = pool(http2);
    pools.push(client);
    return client;
  };
  const spoken = protocols.map(({ name: protocol, http2, duplex, options }): Spoken => {
    const talk = createClient(Talk, createWireTransport({ client: pooled(http2), ...options }));
    return { name: `${name}: ${protocol}`, talk, duplex, clock };
  });
  const list = [...spoken.flatMap(callersOf), restCaller(name, pooled(false)), webSocketCaller(name, pooled(false), clock)];
  const rudeOnes = rudeKinds.map(({ kind, run }) => ({ kind: `${name}: ${kind}`, run: (random: Random) => run(port, random) }));
  return {
    list: rude ? [...list, ...rudeOnes] : list,
    close: async () => void (await Promise.all(pools.map((client) => client.close()))),
  };
}

function callersOf({ name, talk, duplex, clock }: Spoken): Caller[] {
  const unary: Caller = {
    kind: `${name} unary`,
    run: (random) =>
      ending(random, clock, (call) => talk.say({ text: "x".repeat(random(2000)), delayMs: random(4) === 0 ? random(20) : 0 }, call)),
  };
  const serverStream: Caller = {
    kind: `${name} server stream`,
    run: (random) =>
      ending(random, clock, async (call) => {
        const leaveAt = random(3) === 0 ? random(5) : Infinity;
        let seen = 0;
        for await (const _ of talk.count({ text: "y", times: random(30), delayMs: random(5) === 0 ? 2 : 0 }, call))
          if (++seen > leaveAt) break;
      }),
  };
  const clientStream: Caller = {
    kind: `${name} client stream`,
    run: (random) => ending(random, clock, (call) => talk.gather(texts(random, clock), call)),
  };
  const conversation: Caller = {
    kind: `${name} conversation`,
    run: (random) =>
      ending(random, clock, async (call) => {
        for await (const { text } of talk.converse(texts(random, clock), call)) if (text === "leave") break;
      }),
  };
  return duplex ? [unary, serverStream, clientStream, conversation] : [unary, serverStream];
}

async function* texts(random: Random, clock: Clock): AsyncGenerator<{ text: string }> {
  for (let count = random(12); count > 0; count--) {
    if (random(6) === 0) await clock.sleep(1);
    yield { text: random(20) === 0 ? "leave" : "z".repeat(random(500)) };
  }
}

/** A call that may expire in a few milliseconds, or be cancelled by its caller, or come to its end. */
async function ending(random: Random, clock: Clock, action: (call: Call | CallOptions) => Promise<unknown>): Promise<void> {
  const fate = random(8);
  if (fate > 1) return void (await action({ timeoutMs, clock }));
  if (fate === 0) return void (await action({ timeoutMs: 1 + random(12), clock }));
  const parent = new Call({ timeoutMs, clock });
  const cancel = setTimeout(() => parent.cancel(), random(10));
  try {
    await action(parent);
  } finally {
    clearTimeout(cancel);
    parent.finish();
  }
}

function restCaller(name: string, client: Client): Caller {
  const headers = ["content-type", "application/json"];
  return {
    kind: `${name}: REST`,
    async run(random) {
      const body = Buffer.from(JSON.stringify({ text: "r".repeat(random(500)), delayMs: random(10) === 0 ? 5 : 0 }));
      const answer = await client.request(
        { method: "POST", target: "/v1/say", headers, body },
        { timeoutMs: random(10) === 0 ? 3 : timeoutMs },
      );
      await readBody(answer.body, bodyBytesMax);
    },
  };
}

function webSocketCaller(name: string, client: Client, clock: Clock): Caller {
  return {
    kind: `${name}: WebSocket`,
    async run(random) {
      const session = await connectWebSocket("ws://127.0.0.1/echo", { client, clock, timeoutMs });
      const count = random(8);
      for (let number = 0; number < count; number++) await session.send("w".repeat(random(3000)));
      if (count > 0) {
        let left = count;
        for await (const _ of session.messages) if (--left === 0) break;
      }
      if (random(4) === 0) session.destroy();
      else await session.close();
      await session.whenClosed;
    },
  };
}
