import process from "node:process";
import { Client, credentials } from "@grpc/grpc-js";
import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import { GreetRequest, GreetResponse, Hello } from "../hello.weir.ts";

/** How it is fetched. */
export type FetchWay = "weir" | "grpc-js" | "fetch";

/** What the process that fetches is told. */
export type FetchOrder = { readonly begin: FetchWay; readonly port: number; readonly count: number } | "measure";

/** What it says: once it has warmed up and begun, when it has measured, and when all was answered. */
export interface FetchNews {
  readonly said: "begun" | "measured" | "answered";
  readonly heapBytes: number;
  readonly residentBytes: number;
}

const collect = (globalThis as { gc?: () => void }).gc ?? ((): void => undefined);

function memory(): Omit<FetchNews, "said"> {
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed + external, residentBytes: rss };
}

/** Streams that one connection takes: a channel of grpc-js has one connection. */
const streamsMax = 128;
const waysOf = { weir: byWeir, "grpc-js": byGrpcJs, fetch: byFetch };

function byWeir(port: number): (name: string) => Promise<string> {
  const client = createClient(Hello, createWireTransport({ url: `http://127.0.0.1:${port}`, protocol: "grpc" }));
  return async (name) => (await client.greet({ name }, { timeoutMs: 120_000 })).message;
}

function byGrpcJs(port: number, count: number): (name: string) => Promise<string> {
  const options = { "grpc.use_local_subchannel_pool": 1 };
  const clients = Array.from(
    { length: Math.ceil(count / streamsMax) },
    () => new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options),
  );
  let next = 0;
  return (name) =>
    new Promise((resolve, reject) => {
      clients[next++ % clients.length]?.makeUnaryRequest(
        "/weir.bench.v1.Hello/Greet",
        (request: GreetRequest) => Buffer.from(GreetRequest.toBinary(request)),
        (bytes: Buffer) => GreetResponse.fromBinary(bytes),
        GreetRequest.create({ name }),
        (error, answer) => (answer ? resolve(answer.message) : reject(error ?? new Error("expected an answer, found none"))),
      );
    });
}

function byFetch(port: number): (name: string) => Promise<string> {
  return async (name) => ((await (await fetch(`http://127.0.0.1:${port}/v1/hello/${name}`)).json()) as GreetResponse).message;
}

const say = (said: FetchNews["said"], before?: Omit<FetchNews, "said">): void => {
  const now = memory();
  const of = (field: "heapBytes" | "residentBytes"): number => now[field] - (before?.[field] ?? 0);
  process.send?.({ said, heapBytes: of("heapBytes"), residentBytes: of("residentBytes") } satisfies FetchNews);
};

let before: Omit<FetchNews, "said"> | undefined;
process.on("message", (order: FetchOrder) => {
  if (order === "measure") return say("measured", before);
  void fetchAll(order);
});

async function fetchAll({ begin, port, count }: Exclude<FetchOrder, "measure">): Promise<void> {
  const get = waysOf[begin](port, count);
  for (let left = 200; left > 0; left--) await get("warm-up");
  before = memory();
  const all = Array.from({ length: count }, (_, number) => get(`feature-${number}`));
  say("begun", before);
  const answers = await Promise.all(all);
  if (answers.some((answer, number) => answer !== `feature-${number}`))
    throw new Error("expected each fetch its own answer, found another's");
  say("answered", before);
  process.disconnect?.();
  process.exitCode = 0;
}
