import type { Client, Server } from "@weir/wire";
import { createClient, createServer } from "@weir/wire";
import type { Logger } from "../../call.ts";
import type { Implementation, ImplementOptions } from "../implement.ts";
import { implement } from "../implement.ts";
import type { RpcOptions } from "../node/server.ts";
import { createRpcHandler } from "../node/server.ts";
import type { GreeterHandlers } from "./greeter.weir.ts";
import { Greeter, HelloResponse } from "./greeter.weir.ts";

/** A greeter that answers, with some handlers replaced. */
export function createGreeter(replaced: Partial<GreeterHandlers> = {}, options: ImplementOptions = {}): Implementation {
  return implement(Greeter, { ...handlers, ...replaced }, options);
}

const handlers: GreeterHandlers = {
  async hello({ name, tags, page, tone, loud, serial, seal }) {
    return HelloResponse.create({ greeting: `hello ${name}`, tags, page, tone, loud, serial, seal });
  },
  async *count({ count, text }) {
    for (let number = 1; count === 0 || number <= count; number++) yield { number, text };
  },
  async sum(requests) {
    let total = 0;
    for await (const { number } of requests) total += number;
    return { total };
  },
  async *echo(requests) {
    let total = 0;
    for await (const { number } of requests) yield { total: (total += number) };
  },
};

/** A greeter on a port, and a raw HTTP client of it. */
export interface RunningGreeter extends AsyncDisposable {
  readonly url: string;
  readonly server: Server;
  readonly client: Client;
  /** Sends a request and reads its answer whole. */
  ask(method: string, target: string, rest?: { readonly headers?: string[]; readonly body?: string | Uint8Array }): Promise<RawAnswer>;
}

/** An HTTP answer read whole. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON; its fields are looked at by tests only. */
  readonly json: Record<string, never>;
}

/** Starts a greeter on a free port; `await using` stops it. */
export async function startGreeter(implementation: Implementation = createGreeter(), options: RpcOptions = {}): Promise<RunningGreeter> {
  const server = createServer(createRpcHandler([implementation], options));
  const { port } = await server.listen({ port: 0 });
  const client = createClient({ host: "127.0.0.1", port });
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    client,
    async ask(method, target, { headers = [], body } = {}) {
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      const response = await client.request({ method, target, headers, body: bytes }, { timeoutMs: 5000 });
      return rawAnswer(response.status, response.headers, response.body);
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
    },
  };
}

/** Waits until the condition holds; fails after five seconds. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`Expected within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Waits until a count has stood still for a tenth of a second; fails after five. */
export async function quiet(count: () => number): Promise<void> {
  let seen = count();
  let sinceMs = performance.now();
  await eventually(() => {
    if (count() !== seen) {
      seen = count();
      sinceMs = performance.now();
    }
    return performance.now() - sinceMs > 100;
  }, "the count to stand still");
}

/** A logger that keeps its lines. */
export function createLogBook(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (message: string, fields?: Readonly<Record<string, unknown>>): void =>
    void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const log = { lines, debug: write, info: write, warn: write, error: write, with: () => log };
  return log;
}

async function rawAnswer(
  status: number,
  list: readonly string[],
  body: Uint8Array | AsyncIterable<Uint8Array> | undefined,
): Promise<RawAnswer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body === undefined ? [] : body instanceof Uint8Array ? [body] : body) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const headers = new Headers();
  for (let index = 0; index + 1 < list.length; index += 2) headers.append(list[index] as string, list[index + 1] as string);
  const text = bytes.toString();
  return {
    status,
    headers,
    bytes,
    text,
    json: (text.startsWith("{") && !text.includes("}\n") ? JSON.parse(text) : {}) as Record<string, never>,
  };
}
