import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { HttpHandler, Server } from "@weir/wire";
import { createServer, readBody } from "@weir/wire";
import { createClient } from "../../client.ts";
import { createGreeter, eventually } from "../../testdata/greeter.ts";
import { Greeter } from "../../testdata/greeter.weir.ts";
import { createRpcHandler } from "../server.ts";
import { createWireTransport } from "../transport.ts";
import type { BalancedClient } from "./balanced-client.ts";
import { createBalancedClient } from "./balanced-client.ts";
import type { BalancedClientOptions } from "./balance-options.ts";

const protocols = ["connect", "grpc", "grpc-web"] as const;

interface Cluster extends AsyncDisposable {
  readonly servers: Server[];
  readonly ports: number[];
  /** Requests that each server has got. */
  readonly counts: number[];
  readonly client: BalancedClient;
}

async function startCluster(
  count: number,
  options: Partial<BalancedClientOptions> = {},
  handler: HttpHandler = () => Promise.resolve({ status: 200, headers: [], body: new Uint8Array(2) }),
): Promise<Cluster> {
  const counts = Array.from({ length: count }, () => 0);
  const servers: Server[] = [];
  const ports: number[] = [];
  for (let index = 0; index < count; index++) {
    const server = createServer((request, exchange) => {
      counts[index] = (counts[index] ?? 0) + 1;
      return handler(request, exchange);
    });
    servers.push(server);
    ports.push((await server.listen({ port: 0 })).port);
  }
  const client = createBalancedClient({ target: targetOf(ports), ...options });
  const close = async (): Promise<void> => {
    await client.close();
    await Promise.all(servers.map((server) => server.close()));
  };
  return { servers, ports, counts, client, [Symbol.asyncDispose]: close };
}

function targetOf(ports: readonly number[]): string {
  return `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
}

const post = { method: "POST", target: "/", headers: [], body: new Uint8Array(2) };

for (const http of [true, false]) {
  test(`requests over HTTP/${http ? "2" : "1.1"} spread over three servers within statistical bounds`, { timeout: 20_000 }, async () => {
    await using cluster = await startCluster(3, { connection: { http2: http } });
    const workers = Array.from({ length: 16 }, async () => {
      for (let made = 0; made < 150; made++) assert.equal((await cluster.client.request(post)).status, 200);
    });
    await Promise.all(workers);
    // By chance alone one deviation is 23; load evens out more than chance does.
    for (const count of cluster.counts) assert.ok(Math.abs(count - 800) < 160, cluster.counts.join(" "));
    assert.equal(
      cluster.client.endpoints().reduce((sum, { inFlight }) => sum + inFlight, 0),
      0,
    );
  });
}

for (const protocol of protocols) {
  test(`every kind of call goes over a balanced client by ${protocol}`, { timeout: 20_000 }, async () => {
    await using cluster = await startCluster(2, {}, createRpcHandler([createGreeter()]));
    const transport = createWireTransport({ client: cluster.client, protocol });
    const greeter = createClient(Greeter, transport);
    for (let made = 0; made < 40; made++) {
      assert.equal((await greeter.hello({ name: "ada" })).greeting, "hello ada");
      const numbers: number[] = [];
      for await (const { number } of greeter.count({ count: 5, text: "x".repeat(3000) })) numbers.push(number);
      assert.deepEqual(numbers, [1, 2, 3, 4, 5]);
      const sum = await greeter.sum(numbersTo(3));
      assert.equal(sum.total, 6);
    }
    assert.ok(
      cluster.counts.every((count) => count > 20),
      cluster.counts.join(" "),
    );
    assert.ok(cluster.client.endpoints().every(({ inFlight, state }) => inFlight === 0 && state === "ready"));
  });
}

test("a fault of gRPC counts against its endpoint by the code in the trailers", { timeout: 20_000 }, async () => {
  const broken = createGreeter({
    async hello() {
      throw new Error("no index");
    },
  });
  await using cluster = await startCluster(2, {}, createRpcHandler([broken]));
  const greeter = createClient(Greeter, createWireTransport({ client: cluster.client, protocol: "grpc" }));
  for (let made = 0; made < 20; made++) await assert.rejects(greeter.hello({ name: "ada" }));
  assert.ok(cluster.client.endpoints().some(({ state }) => state === "ejected"));
});

test("a server that drains ends what it has and gets no more, and nobody notices", { timeout: 20_000 }, async () => {
  await using cluster = await startCluster(3, {}, async ({ body }) => {
    await readBody(body, 100);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    return { status: 200, headers: [] };
  });
  let isOver = false;
  let failed = 0;
  const workers = Array.from({ length: 32 }, async () => {
    while (!isOver) await cluster.client.request(post).catch(() => (failed += 1));
  });
  await eventually(() => cluster.counts.every((count) => count > 200), "requests everywhere");
  await cluster.servers[0]?.drain(5000);
  const [before = 0] = cluster.counts;
  await eventually(() => cluster.counts.every((count, index) => index === 0 || count > 600), "the others to go on");
  isOver = true;
  await Promise.all(workers);
  assert.equal(failed, 0);
  assert.equal(cluster.counts[0], before);
});

test("connections grow old and are made anew, and nobody notices", { timeout: 20_000 }, async () => {
  await using cluster = await startCluster(2, { connection: { http2: { ageMs: 60 } } });
  const connections = (): number => cluster.servers.reduce((sum, server) => sum + server.counters.connectionsTotal, 0);
  let isOver = false;
  let failed = 0;
  const workers = Array.from({ length: 8 }, async () => {
    while (!isOver) await cluster.client.request(post).catch(() => (failed += 1));
  });
  await eventually(() => connections() >= 8, "new connections");
  isOver = true;
  await Promise.all(workers);
  assert.equal(failed, 0);
});

test(
  "a whole answer before a reset with NO_ERROR is an answer, and GOAWAY moves calls to new connections",
  { timeout: 20_000 },
  async () => {
    let sessions = 0;
    let served = 0;
    const server = http2.createServer({});
    server.on("session", (session) => {
      sessions += 1;
      session.on("error", () => undefined);
    });
    server.on("stream", (stream: http2.ServerHttp2Stream) => {
      stream.on("error", () => undefined);
      served += 1;
      stream.respond({ ":status": 200 });
      stream.end("done");
      // The request is not whole: the server says that it does not want the rest.
      stream.close(http2.constants.NGHTTP2_NO_ERROR);
      if (served % 10 === 0) stream.session?.goaway(http2.constants.NGHTTP2_NO_ERROR);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = createBalancedClient({ target: targetOf([(server.address() as AddressInfo).port]) });
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10);
      await new Promise(() => undefined);
    }
    for (let made = 0; made < 25; made++) {
      const answer = await client.request({ ...post, body: made % 5 === 0 ? endless() : post.body }, { timeoutMs: 5000 });
      assert.equal(answer.status, 200);
      assert.equal(Buffer.from(await readBody(answer.body, 10)).toString(), "done");
    }
    assert.ok(sessions >= 3, `${sessions} sessions`);
    assert.equal(client.endpoints()[0]?.inFlight, 0);
    await client.close();
    server.close();
  },
);

test("an endpoint that leaves lets its streams end, and its connections are closed", { timeout: 20_000 }, async () => {
  const gate = Promise.withResolvers<void>();
  await using cluster = await startCluster(
    2,
    {},
    createRpcHandler([
      createGreeter({
        async *count() {
          yield { number: 1, text: "" };
          await gate.promise;
          yield { number: 2, text: "" };
        },
      }),
    ]),
  );
  const [first = 0, second = 0] = cluster.ports;
  let resolve: (ports: readonly number[]) => void = () => undefined;
  const client = createBalancedClient({
    target: {
      url: "test:///two",
      authority: undefined,
      watch(listener) {
        resolve = (ports) => listener.resolved(ports.map((port) => ({ host: "127.0.0.1", port })));
        resolve([first]);
        return { refresh() {}, close() {} };
      },
    },
  });
  const greeter = createClient(Greeter, createWireTransport({ client, protocol: "grpc" }));
  const stream = greeter.count({ count: 2 })[Symbol.asyncIterator]();
  assert.equal((await stream.next()).value?.number, 1);
  resolve([second]);
  assert.deepEqual(
    client.endpoints().map(({ state }) => state),
    ["ready", "leaving"],
  );
  assert.equal((await greeter.hello({ name: "ada" })).greeting, "hello ada");
  assert.equal(cluster.counts[1], 1);
  gate.resolve();
  assert.equal((await stream.next()).value?.number, 2);
  assert.equal((await stream.next()).done, true);
  await eventually(() => client.endpoints().length === 1, "the endpoint to be gone");
  await eventually(() => cluster.servers[0]?.counters.connectionsOpen === 0, "its connections to be closed");
  await client.close();
});

async function* numbersTo(count: number): AsyncGenerator<{ number: number }> {
  for (let number = 1; number <= count; number++) yield { number };
}
