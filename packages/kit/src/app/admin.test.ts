import { createServer } from "@weir/wire";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { fault, isFault } from "../fault.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { AdminStatus } from "./admin.ts";
import { createAdminServer } from "./admin.ts";
import { registerServerCounters } from "./server-metrics.ts";

const curl = async (...parameters: string[]): Promise<{ status: number; body: string }> => {
  const { stdout } = await promisify(execFile)("curl", ["-s", "-m", "5", "-w", "\n%{http_code}", ...parameters]);
  const at = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) };
};

test("admin port answers health, readiness, metrics and further pages, each to curl", async () => {
  const metrics = createMetrics();
  metrics.counter({ name: "seen_total", help: "Seen." }).add(3);
  let status: AdminStatus = { ready: false, state: "WARMING_UP", details: { step: "recall", done: 1, total: 3 } };
  const admin = createAdminServer({
    metrics,
    status: () => status,
    routes: {
      "/snapshot": async () => ({ status: 200, headers: ["content-type", "text/plain"], body: Buffer.from("held") }),
      "/broken": async () => {
        throw fault({ reason: "NOTHING_HELD", code: "NOT_FOUND" }, "Nothing is held.");
      },
    },
  });
  const { port } = await admin.listen({ port: 0 });
  const url = `http://127.0.0.1:${port}`;
  try {
    assert.deepEqual(await curl(`${url}/healthz`), { status: 200, body: '{"live":true,"state":"WARMING_UP"}\n' });
    assert.deepEqual(await curl(`${url}/readyz`), {
      status: 503,
      body: '{"ready":false,"state":"WARMING_UP","step":"recall","done":1,"total":3}\n',
    });
    status = { ready: true, state: "SERVING" };
    assert.deepEqual(await curl(`${url}/readyz?verbose`), { status: 200, body: '{"ready":true,"state":"SERVING"}\n' });
    const scraped = await curl(`${url}/metrics`);
    assert.match(scraped.body, /^# TYPE seen_total counter\nseen_total 3$/m);
    assert.equal((await curl(`${url}/snapshot`)).body, "held");
    const broken = await curl(`${url}/broken`);
    assert.equal(broken.status, 404);
    assert.match(broken.body, /NOTHING_HELD/);
    const missing = await curl(`${url}/nowhere`);
    assert.equal(missing.status, 404);
    assert.deepEqual((JSON.parse(missing.body) as { expected: string[] }).expected.slice(0, 3), ["/healthz", "/readyz", "/metrics"]);
    assert.equal((await curl(`${url}/__proto__`)).status, 404);
    assert.equal((await curl("-X", "POST", `${url}/healthz`)).status, 405);
    const head = await curl("-I", `${url}/metrics`);
    assert.match(head.body, /content-type: text\/plain; version=0\.0\.4/);
  } finally {
    await admin.close();
  }
});

test("admin port that is taken is a Fault naming the address", async () => {
  const other = createServer(async () => ({ status: 204, headers: [] }));
  const { port } = await other.listen({ port: 0 });
  const admin = createAdminServer({ metrics: createMetrics(), status: () => ({ ready: true, state: "SERVING" }) });
  await assert.rejects(
    admin.listen({ port }),
    (error) => isFault(error) && error.reason === "ADDRESS_UNAVAILABLE" && error.message.includes(`127.0.0.1:${port}`),
  );
  await other.close();
  await admin.close();
});

test("server counters appear on the metrics, refusals by reason", async () => {
  const metrics = createMetrics();
  const server = createServer(async () => ({ status: 200, headers: [], body: Buffer.from("ok") }));
  registerServerCounters(metrics, server.counters, { server: "edge" });
  const { port } = await server.listen({ port: 0 });
  await curl(`http://127.0.0.1:${port}/`);
  await curl("-H", "Transfer-Encoding: chunked", "-H", "Content-Length: 3", "-d", "abc", `http://127.0.0.1:${port}/`);
  const text = metrics.text();
  assert.match(text, /^weir_http_connections_total\{server="edge"\} 2$/m);
  assert.match(text, /^weir_http_refusals_total\{server="edge",reason="[A-Z_]+"\} 1$/m);
  assert.equal(text, metrics.text(), "reading twice counts nothing twice");
  await server.close();
});
