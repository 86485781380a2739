import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { createClient, readBody, type BodyStream, type Exchange } from "@weir/wire";
import { connectGrpc, outcomeOf, startGrpcServer } from "./fixtures/grpc.ts";
import { snapshotOf, startBackend, startHouse } from "./fixtures/house.ts";
import { until } from "./fixtures/until.ts";

const run = promisify(execFile);

function needs(program: string, hint: string): string | false {
  return spawnSync(program, ["--version"]).status === 0 ? false : `needs ${program}: install ${hint}`;
}

test("gateway keeps each request's protocol where the endpoint speaks both, and asks others over HTTP/1.1", async () => {
  const seen: string[] = [];
  const backend = await startBackend("a", "v1", async (_request, exchange) => {
    seen.push(exchange.version);
    return { status: 200, headers: [], body: Buffer.from("ok") };
  });
  const house = await startHouse(snapshotOf([{ ...backend, http2: true }]), [backend]);
  const port = Number(new URL(house.gateway.url).port);
  const clients = [createClient({ host: "127.0.0.1", port }), createClient({ host: "127.0.0.1", port, http2: true })];
  const ask = async (headers: string[] = []): Promise<void> => {
    const method = headers.length === 0 ? "GET" : "POST";
    for (const client of clients) await readBody((await client.request({ method, target: "/", headers })).body, 1e6).catch(() => undefined);
  };
  await ask();
  await ask(["content-type", "application/grpc-web+proto"]);
  assert.deepEqual(seen.splice(0), ["1.1", "2", "2", "2"], "a stream of calls needs PING, which only HTTP/2 has");
  await house.gateway.apply(snapshotOf([backend], { revision: 2 }));
  await ask();
  await ask(["content-type", "application/grpc"]);
  assert.deepEqual(seen, ["1.1", "1.1", "2", "2"], "gRPC is HTTP/2");
  for (const client of clients) await client.close();
  await house.stop();
});

test("gateway closes its connections of both protocols when an endpoint leaves", async () => {
  const backend = await startBackend("a", "v1");
  const house = await startHouse(snapshotOf([{ ...backend, http2: true }]), []);
  const client = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port), http2: true });
  assert.equal((await client.request({ method: "GET", target: "/", headers: [] })).status, 200);
  assert.equal(await (await fetch(house.gateway.url)).text(), "v1 a");
  assert.equal(backend.server.counters.connectionsOpen, 2);
  await house.gateway.apply(snapshotOf([], { revision: 2 }));
  await until(() => backend.server.counters.connectionsOpen === 0, "both to be closed");
  await client.close();
  await house.stop();
  await backend.server.close();
});

test("gateway asks again what an endpoint that goes away has not looked at", async () => {
  const first = await startGrpcServer("a", "v1", { unary: (_call, answer) => answer(null, Buffer.from("a")) });
  const second = await startGrpcServer("b", "v1", { unary: (_call, answer) => answer(null, Buffer.from("b")) });
  const house = await startHouse(snapshotOf([first, second]), []);
  const client = connectGrpc(house.gateway.url);
  const outcomes: string[] = [];
  let running = true;
  const callers = Array.from({ length: 8 }, async () => {
    while (running) {
      const { code, text, details } = await client.unary("x");
      outcomes.push(code === 0 ? text : `${code} ${details}`);
    }
  });
  await until(() => outcomes.filter((text) => text === "a").length > 50, "calls to flow");
  await promisify(first.server.tryShutdown.bind(first.server))();
  const before = outcomes.length;
  await until(() => outcomes.length > before + 100, "calls to flow on");
  running = false;
  await Promise.all(callers);
  assert.deepEqual([...new Set(outcomes)].sort(), ["a", "b"], "a server that drains loses nobody's call");
  client.close();
  await house.stop();
  second.stop();
});

test("gateway passes the code of a reset on to a client of HTTP/2, and the client's reset to the endpoint", async () => {
  let cancelled = false;
  let held: Exchange | undefined;
  const backend = await startBackend("a", "v1", async (request, exchange) => {
    if (request.target === "/gone") {
      held = exchange;
      exchange.onCancel(() => (cancelled = true));
      return new Promise(() => undefined);
    }
    const body: BodyStream = {
      async *[Symbol.asyncIterator]() {
        yield Buffer.from("half");
        await until(() => first, "the first half to arrive");
        throw new Error("broken");
      },
    };
    return { status: 200, headers: [], body };
  });
  let first = false;
  const house = await startHouse(snapshotOf([{ ...backend, http2: true }]), [backend]);
  const client: ClientHttp2Session = connectHttp2(house.gateway.url);
  const broken = client.request({ ":path": "/half" });
  broken.on("data", () => (first = true));
  broken.on("error", () => undefined);
  await new Promise((resolve) => broken.on("close", resolve));
  assert.equal(broken.rstCode, 2, "INTERNAL_ERROR, as the endpoint said");
  const leaving = client.request({ ":path": "/gone" });
  leaving.on("error", () => undefined);
  await until(() => held !== undefined, "the endpoint to be asked");
  leaving.close(8);
  await until(() => cancelled, "the endpoint to be told");
  client.destroy();
  await house.stop();
});

test("gateway's endpoint hears nothing of a client that resets its streams by the thousand, and serves the others", async () => {
  const backend = await startBackend("a", "v1", async (request, exchange) => {
    if (request.target === "/slow") await new Promise<void>((resolve) => exchange.onCancel(resolve));
    return { status: 200, headers: [], body: Buffer.from("ok") };
  });
  const house = await startHouse(snapshotOf([{ ...backend, http2: true }]), []);
  const good = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port), http2: true });
  for (let attacker = 0; attacker < 3; attacker++) {
    const session = connectHttp2(house.gateway.url);
    session.on("error", () => undefined);
    await once(session, "connect");
    for (let index = 0; index < 1500 && !session.destroyed; index++) {
      const stream = session.request({ ":path": "/slow" });
      stream.on("error", () => undefined);
      await new Promise(setImmediate);
      stream.close(8);
      if (index % 100 === 0) {
        const answer = await good.request({ method: "GET", target: "/", headers: [] });
        assert.equal(answer.status, 200, `after ${index} resets of client ${attacker}`);
      }
    }
    session.destroy();
  }
  assert.equal(backend.server.counters.refusals["RESET_FLOOD"] ?? 0, 0, "the flood stays at the gateway");
  await good.close();
  await house.stop();
  await backend.server.close();
});

test("gateway tells callers at once when the process of their server is killed", async () => {
  const file = fileURLToPath(new URL("./fixtures/child-grpc.ts", import.meta.url));
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const house = await startHouse(snapshotOf([{ id: "a", version: "v1", port: Number(line), grpcOnly: true }]), []);
  const client = connectGrpc(house.gateway.url);
  const streams = Array.from({ length: 10 }, () => client.bidi());
  const outcomes = streams.map(outcomeOf);
  let echoes = 0;
  for (const stream of streams) {
    stream.on("data", () => void echoes++);
    stream.write(Buffer.from("hello"));
  }
  await until(() => echoes === 10, "all to have an answer");
  child.kill("SIGKILL");
  for (const { texts, code, details } of await Promise.all(outcomes)) {
    assert.deepEqual([texts, code], [["hello"], grpc.status.UNAVAILABLE]);
    assert.match(details, /feed@v1/);
  }
  client.close();
  await house.stop();
});

test("curl and nghttp speak HTTP/2 with the gateway", { skip: needs("curl", "curl") || needs("nghttp", "nghttp2-client") }, async () => {
  const backend = await startBackend("a", "v1", async (request) => ({
    status: 200,
    headers: ["content-type", "text/plain"],
    body: Buffer.from(`${request.method} ${Buffer.from(await readBody(request.body, 1e6)).toString()}`),
  }));
  const house = await startHouse(snapshotOf([{ ...backend, http2: true }]), [backend]);
  const { url } = house.gateway;
  const { stdout } = await run("curl", ["-s", "--http2-prior-knowledge", "-w", " %{http_version} %{http_code}", "-d", "hello", url]);
  assert.equal(stdout, "POST hello 2 200");
  const trace = await run("nghttp", ["-v", "-m", "3", url]);
  assert.match(trace.stdout, /:status: 200/);
  assert.match(trace.stdout, /x-weir-version: v1/);
  await house.stop();
});
