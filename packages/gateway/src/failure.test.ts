import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { readBody, type HttpHandler } from "@weir/wire";
import { snapshotOf, startBackend, startHouse, type House } from "./fixtures/house.ts";
import { connectRaw, getRequest } from "./fixtures/raw-client.ts";
import { startRawEndpoint } from "./fixtures/raw-endpoint.ts";
import { until } from "./fixtures/until.ts";

interface Child {
  readonly process: ChildProcess;
  readonly port: number;
}

async function startChild(): Promise<Child> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./fixtures/child-backend.ts", import.meta.url))], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { process: child, port: Number(line) };
}

async function metricsOf(house: House): Promise<string> {
  return (await fetch(`${house.gateway.adminUrl}/metrics`)).text();
}

async function reasonOf(response: Response): Promise<string> {
  return ((await response.json()) as { reason: string }).reason;
}

test("gateway loses no idempotent request when an instance is killed under load", async () => {
  const [doomed, second, third] = await Promise.all([startChild(), startChild(), startChild()]);
  const places = [
    { id: "doomed", version: "v1", port: doomed.port },
    { id: "second", version: "v1", port: second.port },
    { id: "third", version: "v2", port: third.port },
  ];
  const house = await startHouse(snapshotOf(places, { newWeight: 5000 }), []);
  let running = true;
  let asked = 0;
  const failed: string[] = [];
  const clients = Array.from({ length: 32 }, () => connectRaw(house.gateway.url));
  const users = clients.map(async (client, index) => {
    for (let turn = 0; running; turn++) {
      const answer = await client.ask(getRequest(`/slow?userId=u${index}-${turn}`));
      if (answer.status !== 200) failed.push(`${answer.status} ${answer.body}`);
      asked++;
    }
  });
  const askedAtLeast = async (count: number): Promise<void> => {
    const enough = asked + count;
    await until(() => asked >= enough, `${count} more answers`, 20_000);
  };
  await askedAtLeast(200);
  doomed.process.kill("SIGKILL");
  await askedAtLeast(400);
  third.process.kill("SIGKILL");
  await askedAtLeast(400);
  running = false;
  await Promise.all(users);
  for (const client of clients) client.close();
  second.process.kill("SIGKILL");
  const metrics = await metricsOf(house);
  await house.stop();
  assert.deepEqual(failed, []);
  assert.match(metrics, /cause="FALLBACK_USED"\} [1-9]/);
  assert.match(
    metrics,
    /weir_gateway_endpoint_errors_total\{service="feed",version="v1",endpoint="doomed",cause="(CONNECT_FAILED|RESET)"\} [1-9]/,
  );
});

test("gateway never repeats a POST that may have been acted on", async () => {
  let taken = 0;
  const dropping = await startRawEndpoint((socket) =>
    socket.once("data", () => {
      taken++;
      socket.destroy();
    }),
  );
  const steady = await startBackend("b", "v1");
  for (const version of ["v1", "v2"]) {
    const places = [{ id: "a", version, port: dropping.port }, steady];
    const house = await startHouse(snapshotOf(places, { newWeight: version === "v2" ? 10_000 : 0 }), []);
    taken = 0;
    let resets = 0;
    for (let turn = 0; turn < 4; turn++) {
      const answer = await fetch(`${house.gateway.url}/?userId=u${turn}`, { method: "POST", body: "once" });
      if (answer.status === 502) {
        resets++;
        assert.equal(await reasonOf(answer), "UPSTREAM_RESET");
      } else assert.equal(await answer.text(), "v1 b");
    }
    assert.ok(resets > 0);
    assert.equal(taken, resets, "each POST reached the endpoint once");
    await house.stop();
  }
  await dropping.stop();
  await steady.server.close();
});

test("gateway sends a POST elsewhere when nothing of it had been sent", async () => {
  const gone = await startRawEndpoint(() => undefined);
  await gone.stop();
  const steady = await startBackend("b", "v1");
  const house = await startHouse(snapshotOf([{ id: "a", version: "v1", port: gone.port }, steady]), [steady]);
  for (let turn = 0; turn < 6; turn++) assert.equal((await fetch(house.gateway.url, { method: "POST", body: "x" })).status, 200);
  await house.stop();
});

test("gateway keeps writes within the user's version", async () => {
  const gone = await startRawEndpoint(() => undefined);
  await gone.stop();
  const stable = await startBackend("b", "v1");
  const house = await startHouse(snapshotOf([{ id: "a", version: "v2", port: gone.port }, stable], { newWeight: 10_000 }), [stable]);
  for (let turn = 0; turn < 5; turn++) {
    const answer = await fetch(house.gateway.url, { method: "POST", body: "x" });
    assert.equal(answer.status, 502);
    assert.equal(await reasonOf(answer), "CONNECT_FAILED");
  }
  assert.equal(stable.count, 0);
  await house.stop();
});

test("gateway lets the stable version answer once when the new one fails", async () => {
  const stable = await startBackend("stable", "v1");
  for (const status of [500, 502, 503, 504]) {
    const broken = await startBackend("new", "v2", () => Promise.resolve({ status, headers: [], body: Buffer.from("broken") }));
    const house = await startHouse(snapshotOf([broken, stable], { newWeight: 10_000 }), []);
    const answer = await fetch(house.gateway.url);
    assert.equal(await answer.text(), "v1 stable", `on ${status}`);
    assert.equal(answer.headers.get("x-weir-version"), "v1");
    assert.equal(broken.count, 1);
    const line = JSON.parse(house.lines.at(-1) ?? "") as Record<string, unknown>;
    assert.deepEqual([line["attempts"], line["fallback"], line["version"]], [2, true, "v1"]);
    const posted = await fetch(house.gateway.url, { method: "POST", body: "x" });
    assert.equal(posted.status, status, "a POST is not repeated");
    assert.match(await metricsOf(house), /weir_gateway_causes_total\{route="feed",cause="FALLBACK_USED"\} 1\n/);
    await house.stop();
    await broken.server.close();
  }
  await stable.server.close();
});

test("gateway passes on the new version's failure when the stable one has no answer", async () => {
  const gone = await startRawEndpoint(() => undefined);
  await gone.stop();
  const broken = await startBackend("new", "v2", () => Promise.resolve({ status: 500, headers: [], body: Buffer.from("broken") }));
  const house = await startHouse(snapshotOf([broken, { id: "s", version: "v1", port: gone.port }], { newWeight: 10_000 }), [broken]);
  const answer = await fetch(house.gateway.url);
  assert.deepEqual([answer.status, await answer.text(), answer.headers.get("x-weir-version")], [500, "broken", "v2"]);
  await house.stop();
});

test("gateway asks the stable version for a new one without endpoints, and has a reason for writes", async () => {
  const stable = await startBackend("stable", "v1");
  const snapshot = snapshotOf([stable], { newWeight: 10_000 });
  const house = await startHouse({ ...snapshot, clusters: [...snapshot.clusters, { service: "feed", version: "v2", endpoints: [] }] }, [
    stable,
  ]);
  assert.equal(await (await fetch(house.gateway.url)).text(), "v1 stable");
  const posted = await fetch(house.gateway.url, { method: "POST", body: "x" });
  assert.equal(posted.status, 503);
  assert.equal(await reasonOf(posted), "NO_HEALTHY_ENDPOINT");
  assert.equal(posted.headers.get("retry-after"), "1");
  await house.stop();
});

test("gateway does not let retries storm", async () => {
  const dropping = await startRawEndpoint((socket) => socket.once("data", () => socket.destroy()));
  const places = ["a", "b"].map((id) => ({ id, version: "v1", port: dropping.port }));
  const house = await startHouse(snapshotOf(places), []);
  const asked = 1500;
  const begunMs = performance.now();
  await Promise.all(
    Array.from({ length: 30 }, async () => {
      for (let turn = 0; turn < asked / 30; turn++) await (await fetch(house.gateway.url)).text();
    }),
  );
  const seconds = Math.ceil((performance.now() - begunMs) / 1000);
  const metrics = await metricsOf(house);
  const retries = Number(/cause="RETRY_USED"\} (\d+)/.exec(metrics)?.[1]);
  assert.ok(retries > 50, `${retries} retries`);
  assert.ok(retries <= asked * 0.1 + 10 * (10 + seconds), `${retries} retries for ${asked} requests`);
  assert.ok(dropping.connections <= asked + retries, `${dropping.connections} attempts`);
  assert.match(metrics, /cause="RETRY_DENIED"\} [1-9]/);
  await house.stop();
  await dropping.stop();
});

test("gateway finds an endpoint back after its ejection", async () => {
  let broken = true;
  const shaky = await startBackend("shaky", "v1", () =>
    Promise.resolve({ status: broken ? 503 : 200, headers: [], body: Buffer.from("shaky") }),
  );
  const steady = await startBackend("steady", "v1");
  const house = await startHouse(snapshotOf([shaky, steady]), [shaky, steady]);
  while (shaky.count < 3) await fetch(house.gateway.url);
  const before = shaky.count;
  for (let turn = 0; turn < 20; turn++) assert.equal(await (await fetch(house.gateway.url)).text(), "v1 steady");
  assert.equal(shaky.count, before, "ejected");
  broken = false;
  await until(async () => (await (await fetch(house.gateway.url)).text()) === "shaky", "the endpoint to come back");
  assert.ok(shaky.count > before);
  await house.stop();
});

test("gateway says what is wrong with an endpoint that hangs, answers garbage or resets", async () => {
  const cases: [name: string, onSocket: (socket: Socket) => void, status: number, reason: string][] = [
    ["hangs", () => undefined, 504, "UPSTREAM_TIMEOUT"],
    ["garbage", (socket) => socket.once("data", () => socket.end("SSH-2.0-OpenSSH_9.2\r\n\r\n")), 502, "UPSTREAM_INVALID"],
    [
      "two lengths",
      (socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab")),
      502,
      "UPSTREAM_INVALID",
    ],
    ["half a head", (socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-le")), 502, "UPSTREAM_RESET"],
    [
      "endless head",
      (socket) => socket.once("data", () => socket.write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(40_000)}`)),
      502,
      "UPSTREAM_INVALID",
    ],
  ];
  for (const [name, onSocket, status, reason] of cases) {
    const raw = await startRawEndpoint(onSocket);
    const house = await startHouse(snapshotOf([{ id: "a", version: "v1", port: raw.port }], { timeoutMs: 150 }), []);
    const begunMs = performance.now();
    const answer = await fetch(house.gateway.url, { method: "POST", body: "x" });
    assert.equal(answer.status, status, name);
    assert.equal(await reasonOf(answer), reason, name);
    assert.ok(performance.now() - begunMs < 2000, name);
    await house.stop();
    await raw.stop();
  }
});

test("gateway does not blame endpoints for clients that stall their upload", async () => {
  const handler: HttpHandler = async (request) => ({ status: 200, headers: [], body: Buffer.from(await readBody(request.body, 1e6)) });
  const backends = [await startBackend("a", "v1", handler), await startBackend("b", "v1", handler)];
  const house = await startHouse(snapshotOf(backends, { timeoutMs: 100 }), backends);
  const stalled = Array.from({ length: 12 }, () => connectRaw(house.gateway.url));
  const head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
  const answers = await Promise.all(stalled.map((client) => client.exchange(head)));
  for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 504 [^]*UPSTREAM_TIMEOUT/);
  assert.equal(await (await fetch(house.gateway.url, { method: "POST", body: "whole" })).text(), "whole");
  assert.equal(house.log.filter((message) => message === "endpoint ejected").length, 0);
  await house.stop();
});

test("gateway sends an upload that streams to another endpoint only while none has begun to get it", async () => {
  const upload = "x".repeat(100_000);
  const handler: HttpHandler = async (request) => ({
    status: 200,
    headers: [],
    body: Buffer.from(`${(await readBody(request.body, 1e6)).length}`),
  });
  let reached = 0;
  const raw = await startRawEndpoint((socket) =>
    socket.once("data", () => {
      reached++;
      socket.resetAndDestroy();
    }),
  );
  const places = (port: number, id: string): { id: string; version: string; port: number } => ({ id, version: "v1", port });
  const backend = await startBackend("good", "v1", handler);
  const house = await startHouse(snapshotOf([places(raw.port, "bad"), backend], { idempotent: true }), [backend]);
  const counts = { 200: 0, 502: 0 };
  for (let count = 0; count < 6; count++) {
    const { status } = await fetch(house.gateway.url, { method: "PUT", body: upload });
    counts[status as keyof typeof counts]++;
  }
  assert.deepEqual([counts[502], counts[200]], [reached, backend.count]);
  assert.ok(reached > 0 && backend.count > 0, `${reached} and ${backend.count} of 6`);
  await raw.stop();
  // Nobody listens there any more: nothing can have begun.
  await house.gateway.apply(snapshotOf([places(raw.port, "gone"), backend], { revision: 2 }));
  for (let count = 0; count < 6; count++) {
    const answer = await fetch(house.gateway.url, { method: "POST", body: upload });
    assert.deepEqual([answer.status, await answer.text()], [200, String(upload.length)]);
  }
  await house.stop();
});

test("gateway passes interim answers over and answers with the final one", async () => {
  const raw = await startRawEndpoint((socket) =>
    socket.on("data", () => socket.write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")),
  );
  const house = await startHouse(snapshotOf([{ id: "a", version: "v1", port: raw.port }]), []);
  assert.equal(await (await fetch(house.gateway.url)).text(), "ok");
  await house.stop();
  await raw.stop();
});

test("gateway lets the client see that an answer broke off", async () => {
  for (const head of ["content-length: 1000000", "transfer-encoding: chunked"]) {
    const chunk = head.startsWith("content") ? "some" : "4\r\nsome\r\n";
    const raw = await startRawEndpoint((socket) =>
      socket.once("data", () => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${chunk}`);
        setTimeout(() => socket.resetAndDestroy(), 30);
      }),
    );
    const house = await startHouse(snapshotOf([{ id: "a", version: "v1", port: raw.port }]), []);
    const answer = await fetch(house.gateway.url);
    assert.equal(answer.status, 200);
    await assert.rejects(answer.text(), head);
    const line = JSON.parse(house.lines.at(-1) ?? "") as Record<string, unknown>;
    assert.deepEqual([line["broken"], line["cause"]], [true, "RESET"]);
    assert.match(
      await metricsOf(house),
      /weir_gateway_endpoint_errors_total\{service="feed",version="v1",endpoint="a",cause="RESET"\} 1\n/,
    );
    await house.stop();
    await raw.stop();
  }
});
