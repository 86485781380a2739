import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyStream, ClientRequest, ClientResponse } from "@weir/wire";
import { createMetrics } from "../../../telemetry/metrics.ts";
import type { Metrics } from "../../../telemetry/metrics.ts";
import type { VirtualClock } from "../../../testing/virtual-clock.ts";
import { createLogBook } from "../../testdata/greeter.ts";
import type { BalancedClient } from "./balanced-client.ts";
import { createBalancedClient } from "./balanced-client.ts";
import type { BalancedClientOptions } from "./balance-options.ts";
import type { ScriptedEndpoints } from "./testdata/scripted-client.ts";
import { answer, reject, scriptedEndpoints } from "./testdata/scripted-client.ts";
import type { ScriptedTarget } from "./testdata/scripted-target.ts";
import { scriptedTarget } from "./testdata/scripted-target.ts";
import { seededClock } from "./testdata/seeded.ts";

interface Stage {
  readonly clock: VirtualClock;
  readonly target: ScriptedTarget;
  readonly endpoints: ScriptedEndpoints;
  readonly client: BalancedClient;
  readonly metrics: Metrics;
  readonly lines: readonly string[];
}

const get: ClientRequest = { method: "GET", target: "/", headers: [] };
const post: ClientRequest = { method: "POST", target: "/", headers: [], body: new Uint8Array(1) };
const [a, b, c] = ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"] as const;

function stage(options: Partial<BalancedClientOptions> = {}, list: string = `${a} ${b} ${c}`): Stage {
  const clock = seededClock(7);
  const target = scriptedTarget();
  const endpoints = scriptedEndpoints();
  const metrics = createMetrics();
  const log = createLogBook();
  const client = createBalancedClient({ target, connection: endpoints.open, clock, telemetry: { metrics, log, name: "t" }, ...options });
  if (list !== "unsaid") target.resolve(list);
  return { clock, target, endpoints, client, metrics, lines: log.lines };
}

function rejects(promise: Promise<unknown>, reason: string): Promise<void> {
  return assert.rejects(promise, (error: { reason?: string; message: string }) => {
    assert.equal(error.reason, reason, error.message);
    return true;
  });
}

function statesOf(client: BalancedClient): string[] {
  return client.endpoints().map(({ address, state }) => `${address.slice(-1)} ${state}`);
}

test("a call waits for the first list of endpoints", async () => {
  const { client, target, endpoints } = stage({}, "");
  const empty = stage({}, "unsaid");
  const pending = empty.client.request(post);
  assert.equal(empty.client.state.waiting, 1);
  empty.target.resolve(a);
  assert.equal((await pending).status, 200);
  assert.deepEqual(empty.endpoints.asked, [a]);
  // Once an answer has come there is nothing to wait for.
  await rejects(client.request(post), "ENDPOINTS_NONE");
  assert.equal(target.refreshes, 1);
  assert.deepEqual(endpoints.asked, []);
});

test("a call waits for no longer than waitMs, its own time, or its signal", async () => {
  const { client, clock } = stage({ waits: { waitMs: 1000 } }, "unsaid");
  const [long, short, aborted] = [client.request(post), client.request(post, { timeoutMs: 100 }), new AbortController()];
  const given = client.request(post, { signal: aborted.signal });
  const before = client.request(post, { signal: AbortSignal.abort() });
  let cancel: () => void = () => undefined;
  const listened = client.request(post, { onCancel: (listener) => (cancel = listener) });
  const ends = Promise.all([
    rejects(long, "TARGET_UNRESOLVED"),
    rejects(short, "TOTAL_TIMEOUT"),
    rejects(given, "REQUEST_CANCELLED"),
    rejects(before, "REQUEST_CANCELLED"),
    rejects(listened, "REQUEST_CANCELLED"),
  ]);
  aborted.abort();
  cancel();
  await clock.advance(1000);
  await ends;
  assert.equal(client.state.waiting, 0);
});

test("a call that waits is told when the endpoints cannot be learnt, a patient one waits on", async () => {
  const { client, target } = stage({}, "unsaid");
  const [eager, patient] = [client.request(post), client.request(post, { waitForReady: true })];
  const ends = rejects(eager, "TARGET_UNRESOLVED");
  target.fail();
  await ends;
  target.resolve(b);
  assert.equal((await patient).status, 200);
});

test("calls that wait are bounded", async () => {
  const { client, target } = stage({ waits: { waitersMax: 2 } }, "unsaid");
  const pending = [client.request(post), client.request(post)];
  await rejects(client.request(post), "CALLS_WAITING_TOO_MANY");
  target.resolve(a);
  await Promise.all(pending);
});

test("an empty answer or a failure keeps the last good list, and shows how old it is", async () => {
  const { client, target, clock, lines, endpoints } = stage();
  await clock.advance(2000);
  target.resolve("");
  await clock.advance(3000);
  target.fail();
  target.fail();
  assert.equal((await client.request(post)).status, 200);
  assert.deepEqual(statesOf(client), ["1 ready", "2 ready", "3 ready"]);
  const { outcome, ageMs, error } = client.resolution;
  assert.deepEqual([outcome, ageMs, error?.reason], ["failed", 5000, "TARGET_UNRESOLVED"]);
  assert.equal(lines.length, 2, "one line for each change");
  target.resolve(a);
  assert.equal(client.resolution.ageMs, 0);
  assert.deepEqual(endpoints.opened, new Set([a]));
});

test("a request that could not be connected goes to the others, whatever its method", async () => {
  const { client, endpoints, target } = stage({ choice: { kind: "round-robin" } });
  endpoints.script("*", reject("CONNECT_FAILED"));
  endpoints.script(c, answer());
  for (let made = 0; made < 10; made++) assert.equal((await client.request(post)).status, 200);
  assert.equal(endpoints.asked.filter((key) => key === a).length, 1, "one that is away is left alone");
  assert.equal(target.refreshes, 2);
  assert.deepEqual(statesOf(client), ["1 unreachable", "2 unreachable", "3 ready"]);
});

test("a request tries at most four endpoints", async () => {
  const { client, endpoints } = stage({}, Array.from({ length: 9 }, (_, index) => `10.0.0.1:${index + 1}`).join(" "));
  endpoints.script("*", reject("CONNECT_FAILED"));
  await rejects(client.request(post), "CONNECT_FAILED");
  assert.equal(new Set(endpoints.asked).size, 4);
  assert.equal(endpoints.asked.length, 4);
});

test("an endpoint that is away is tried again by one request after a growing pause, and then by all", async () => {
  const { client, endpoints, clock } = stage({ choice: { kind: "round-robin" }, backoff: { baseMs: 1000, maxMs: 4000 } }, `${a} ${b}`);
  endpoints.script(a, reject("CONNECT_FAILED"));
  const triedMs: number[] = [];
  for (let passedMs = 0; passedMs < 25_000; passedMs += 50) {
    const before = endpoints.asked.length;
    await client.request(post);
    await client.request(post);
    if (endpoints.asked.slice(before).includes(a)) triedMs.push(clock.monotonicMs());
    await clock.advance(50);
  }
  const pauses = triedMs.slice(1).map((atMs, index) => atMs - (triedMs[index] as number));
  for (const [index, meanMs] of [1000, 1600, 2560, 4000, 4000].entries()) {
    const pauseMs = pauses[index] as number;
    assert.ok(pauseMs >= meanMs * 0.8 && pauseMs <= meanMs * 1.2 + 50, `pauses ${pauses.join(" ")}`);
  }
  let release: (response: ClientResponse) => void = () => undefined;
  endpoints.script(a, () => new Promise((resolve) => (release = resolve)));
  await clock.advance(5000);
  const before = endpoints.asked.length;
  const pending = Array.from({ length: 10 }, () => client.request(post));
  assert.equal(endpoints.asked.slice(before).filter((key) => key === a).length, 1, "one request finds out");
  release({ status: 200, headers: [] });
  await Promise.all(pending);
  assert.deepEqual(statesOf(client), ["1 ready", "2 ready"]);
});

test("when all endpoints are away a request is sent all the same", async () => {
  const { client, endpoints } = stage({}, `${a} ${b}`);
  endpoints.script("*", reject("CONNECT_FAILED"));
  await rejects(client.request(post), "CONNECT_FAILED");
  assert.deepEqual(statesOf(client), ["1 unreachable", "2 unreachable"]);
  endpoints.script("*", answer());
  assert.equal((await client.request(post)).status, 200);
});

test("a patient request waits until an endpoint is back", async () => {
  const { client, endpoints, clock } = stage({ waits: { waitForReady: true, waitMs: 60_000 } }, a);
  endpoints.script(a, reject("CONNECT_FAILED"));
  const pending = client.request(post);
  await clock.advance(3000);
  endpoints.script(a, answer());
  await clock.advance(10_000);
  assert.equal((await pending).status, 200);
  endpoints.script(a, reject("CONNECT_FAILED"));
  const late = rejects(client.request(post), "CONNECT_FAILED");
  await clock.advance(60_000);
  await late;
  assert.ok(endpoints.asked.length < 40, `${endpoints.asked.length} attempts`);
});

test("a refused stream is sent once more, to another endpoint, or to the same one when there is no other", async () => {
  const { client, endpoints } = stage({}, `${a} ${b}`);
  endpoints.script("*", reject("UPSTREAM_STREAM_REFUSED"));
  await rejects(client.request(post), "UPSTREAM_STREAM_REFUSED");
  assert.deepEqual(new Set(endpoints.asked), new Set([a, b]));
  assert.equal(endpoints.asked.length, 2);
  const alone = stage({}, a);
  let calls = 0;
  alone.endpoints.script(a, (...given) => ((calls += 1) === 1 ? reject("UPSTREAM_STREAM_REFUSED") : answer())(...given));
  assert.equal((await alone.client.request(post)).status, 200);
});

test("a request that one endpoint refuses and another cannot take yet reaches a third, if it may be done twice", async () => {
  for (const [request, status, asked] of [
    [get, 200, 3],
    [post, 503, 2],
  ] as const) {
    const { client, endpoints } = stage();
    const scripts = [reject("UPSTREAM_STREAM_REFUSED"), answer(503), answer()];
    endpoints.script("*", (...given) => (scripts.shift() ?? answer(500))(...given));
    assert.deepEqual([(await client.request(request)).status, endpoints.asked.length], [status, asked]);
  }
});

test("a request that may have been processed is sent again only if doing it twice is the same as once", async () => {
  const { client, endpoints, metrics } = stage({
    retry: { isIdempotent: ({ method, target }) => method === "GET" || target === "/twice" },
  });
  let failures = 0;
  endpoints.script("*", (...given) => ((failures += 1) % 2 === 1 ? reject("CONNECTION_RESET", { sent: true }) : answer())(...given));
  await rejects(client.request(post), "CONNECTION_RESET");
  failures = 0;
  assert.equal((await client.request(get)).status, 200);
  assert.equal((await client.request({ ...post, target: "/twice" })).status, 200);
  assert.equal((await client.request({ ...post, idempotent: true })).status, 200);
  failures = 0;
  await rejects(client.request({ ...get, idempotent: false }), "CONNECTION_RESET");
  assert.match(metrics.text(), /weir_client_retries_total\{target="t",cause="idempotent"\} 3/);
});

test("a request that meets closed kept connections is sent again up to three times", async () => {
  for (const [stale, status] of [
    [3, 200],
    [4, "CONNECTION_STALE"],
  ] as const) {
    const { client, endpoints } = stage({}, a);
    let calls = 0;
    endpoints.script(a, (...given) => ((calls += 1) <= stale ? reject("CONNECTION_STALE", { sent: true }) : answer())(...given));
    if (status === 200) assert.equal((await client.request(get)).status, status);
    else await rejects(client.request(get), status);
    assert.equal(endpoints.asked.length, 4);
    calls = 0;
    await rejects(client.request(post), "CONNECTION_STALE");
  }
});

test("an answer that says unavailable to an idempotent request is asked of another endpoint, once", async () => {
  const body = { whole: new Uint8Array(0), trailers: () => ["grpc-status", "14"], async *[Symbol.asyncIterator]() {} };
  for (const script of [answer(503), answer(200, ["grpc-status", "14"]), () => Promise.resolve({ status: 200, headers: [], body })]) {
    const { client, endpoints } = stage();
    endpoints.script("*", script);
    await client.request(get);
    assert.equal(endpoints.asked.length, 2);
    await client.request(post);
    assert.equal(endpoints.asked.length, 3);
  }
  const { client, endpoints } = stage();
  endpoints.script("*", answer(200, ["grpc-status", "13"]));
  await client.request(get);
  assert.equal(endpoints.asked.length, 1);
});

test("retries are paid from a budget, and what was never sent costs nothing", async () => {
  const { client, endpoints, metrics } = stage({ retry: { ratio: 0.1, tokensMax: 10 }, outlier: false });
  endpoints.script("*", reject("CONNECTION_RESET", { sent: true }));
  for (let made = 0; made < 200; made++) await rejects(client.request(get), "CONNECTION_RESET");
  const retries = endpoints.asked.length - 200;
  assert.ok(retries >= 29 && retries <= 30, `${retries} retries of 200: ten saved and a tenth of the rest`);
  assert.match(metrics.text(), /weir_client_retry_budget_spent_total\{target="t"\} 17\d/);
});

test("a request does not outlive its time by being sent again", async () => {
  const { client, endpoints, clock } = stage();
  const timeouts: (number | undefined)[] = [];
  endpoints.script("*", async (given, options) => {
    timeouts.push(options.timeoutMs);
    await clock.sleep(80);
    return reject("CONNECTION_RESET", { sent: true })(given, options);
  });
  const first = rejects(client.request(get, { timeoutMs: 200 }), "CONNECTION_RESET");
  await clock.advance(1000);
  await first;
  assert.deepEqual(timeouts, [200, 120]);
  const signal = AbortSignal.abort();
  const second = rejects(client.request(get, { signal }), "CONNECTION_RESET");
  await clock.advance(1000);
  await second;
  assert.equal(endpoints.asked.length, 3, "whoever gave up is not sent again");
});

test("a body in pieces is sent again while none of it has been taken, and left when no attempt will come", async () => {
  const { client, endpoints } = stage();
  const seen: string[] = [];
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      yield new Uint8Array([1]);
      yield new Uint8Array([2]);
    } finally {
      seen.push("left");
    }
  }
  const read = async (request: ClientRequest): Promise<ClientResponse> => {
    for await (const chunk of request.body as BodyStream) seen.push(String(chunk[0]));
    return { status: 200, headers: [] };
  };
  let attempts = 0;
  endpoints.script("*", (...given) => ((attempts += 1) === 1 ? reject("CONNECT_FAILED")(...given) : read(given[0])));
  await client.request({ ...post, body: pieces() });
  assert.deepEqual(seen, ["1", "2", "left"]);
  endpoints.script("*", async (request, options) => {
    await (request.body as BodyStream)[Symbol.asyncIterator]().next();
    return reject("UPSTREAM_STREAM_REFUSED")(request, options);
  });
  const before = endpoints.asked.length;
  await rejects(client.request({ ...post, body: pieces() }), "UPSTREAM_STREAM_REFUSED");
  assert.equal(endpoints.asked.length, before + 1, "a piece was taken");
});

test("requests name the authority of the target where they name none", async () => {
  const clock = seededClock(1);
  const endpoints = scriptedEndpoints();
  const target = scriptedTarget("feed.internal:7000");
  const client = createBalancedClient({ target, connection: endpoints.open, clock });
  target.resolve(a);
  const seen: (string | undefined)[] = [];
  endpoints.script("*", async ({ authority }) => {
    seen.push(authority);
    return { status: 200, headers: [] };
  });
  await client.request(post);
  await client.request({ ...post, authority: "other" });
  assert.deepEqual(seen, ["feed.internal:7000", "other"]);
});

test("a key given by header or by call goes to the same endpoint each time", async () => {
  const { client, endpoints } = stage({ choice: { kind: "ring-hash", header: "x-user" } });
  for (let made = 0; made < 5; made++) {
    await client.request({ ...post, headers: ["x-user", "ada"] });
    await client.request(post, { key: "ada" });
  }
  assert.equal(new Set(endpoints.asked).size, 1);
  for (let made = 0; made < 50; made++) await client.request(post, { key: `user-${made}` });
  assert.equal(new Set(endpoints.asked).size, 3);
});

test("a client of a subset uses so many endpoints", async () => {
  const list = Array.from({ length: 20 }, (_, index) => `10.0.0.1:${index + 1}`).join(" ");
  const { client, endpoints } = stage({ subset: { size: 4, clientId: "me" } }, list);
  for (let made = 0; made < 200; made++) await client.request(post);
  assert.equal(new Set(endpoints.asked).size, 4);
  assert.equal(client.endpoints().length, 4);
});

test("a client counts endpoints, picks, resolutions and ejections", async () => {
  const { client, endpoints, target, metrics, clock } = stage();
  endpoints.script(a, answer(500));
  for (let made = 0; made < 60; made++) await client.request(post);
  target.fail();
  const text = metrics.text();
  assert.match(text, /weir_client_endpoints\{target="t",state="ready"\} 2/);
  assert.match(text, /weir_client_endpoints\{target="t",state="ejected"\} 1/);
  assert.match(text, /weir_client_ejections_total\{target="t",cause="consecutive"\} 1/);
  assert.match(text, /weir_client_picks_total\{target="t",endpoint="10.0.0.1:1"\} 5\n/);
  assert.match(text, /weir_client_resolutions_total\{target="t",outcome="resolved"\} 1/);
  assert.match(text, /weir_client_resolutions_total\{target="t",outcome="failed"\} 1/);
  target.resolve(`${b} ${c}`);
  await clock.advance(0);
  assert.doesNotMatch(metrics.text(), /endpoint="10.0.0.1:1"/, "who left is not shown for ever");
});

test("a closed client rejects those that wait and those that come, and lets go of everything", async () => {
  const { client, clock, target, endpoints } = stage({}, "unsaid");
  const pending = rejects(client.request(post), "CLIENT_CLOSED");
  const patient = rejects(client.request(post, { waitForReady: true }), "CLIENT_CLOSED");
  await client.close();
  await Promise.all([pending, patient]);
  await rejects(client.request(post), "CLIENT_CLOSED");
  assert.deepEqual([target.isClosed, clock.pending, endpoints.opened.size], [true, 0, 0]);
  target.resolve(a);
  assert.deepEqual([endpoints.opened.size, clock.pending], [0, 0], "a late answer opens nothing");
  await client.drain(10);
});
