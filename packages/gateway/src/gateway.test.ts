import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { bucketOf, versionOf } from "@weir/api/bucket";
import { createServer, readBody } from "@weir/wire";
import { createGateway } from "./gateway.ts";
import { snapshotOf, startBackend, startHouse, type Backend, type House } from "./fixtures/house.ts";
import { connectRaw, getRequest } from "./fixtures/raw-client.ts";

interface Echo {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly headers: string[];
  readonly body: string;
}

let backend: Backend;
let house: House;
before(async () => {
  backend = await startBackend("a", "v1", async (request) => {
    const { method, target, authority, headers } = request;
    const echo: Echo = { method, target, authority, headers, body: Buffer.from(await readBody(request.body, 1e6)).toString() };
    return {
      status: 200,
      headers: ["content-type", "application/json", "x-weir-version", "forged"],
      body: Buffer.from(JSON.stringify(echo)),
    };
  });
  house = await startHouse(snapshotOf([backend]), [], { trustedProxies: [], name: "edge 1" });
});
after(async () => {
  await house.stop();
  await backend.server.close();
});

async function echoOf(
  url: string,
  headers: readonly string[] = [],
): Promise<{ echo: Map<string, string[]>; answer: ReadonlyMap<string, string> }> {
  const client = connectRaw(url);
  const answer = await client.ask(getRequest("/v1/feed?userId=u1", headers));
  client.close();
  assert.equal(answer.status, 200, answer.body);
  const echo = new Map<string, string[]>();
  const list = (JSON.parse(answer.body) as Echo).headers;
  for (let index = 0; index < list.length; index += 2)
    echo.set(list[index] as string, [...(echo.get(list[index] as string) ?? []), list[index + 1] as string]);
  return { echo, answer: answer.headers };
}

test("gateway passes method, target, host and body as they came", async () => {
  const response = await fetch(`${house.gateway.url}/v1/x%20y?a=b&c`, { method: "POST", body: "hello" });
  const echo = (await response.json()) as Echo;
  assert.deepEqual(
    [echo.method, echo.target, echo.authority, echo.body],
    ["POST", "/v1/x%20y?a=b&c", new URL(house.gateway.url).host, "hello"],
  );
});

test("gateway stamps the bucket once, whatever came in", async () => {
  const spoofed = ["x-weir-bucket: 0000", "X-Weir-Bucket: 0001, 0002", "x_weir_bucket: 0003", "x-weir-version: v9", "X-Weir-Anything: 1"];
  const { echo, answer } = await echoOf(house.gateway.url, spoofed);
  const expected = String(bucketOf("u1", "salt")).padStart(4, "0");
  assert.deepEqual(echo.get("x-weir-bucket"), [expected]);
  assert.deepEqual(
    [...echo.keys()].filter((name) => /weir/.test(name)),
    ["x-weir-bucket"],
  );
  assert.equal(answer.get("x-weir-version"), "v1");
});

test("gateway keeps a sane request id and makes one otherwise", async () => {
  const sane = await echoOf(house.gateway.url, ["x-request-id: abc-1.2_3"]);
  assert.deepEqual([sane.echo.get("x-request-id"), sane.answer.get("x-request-id")], [["abc-1.2_3"], "abc-1.2_3"]);
  for (const id of ['a"b', "x".repeat(129), "a b", "\u00e9", "a\r\nx-request-id: b"]) {
    const { echo, answer } = await echoOf(house.gateway.url, [`x-request-id: ${id}`]);
    assert.match(answer.get("x-request-id") ?? "", /^[0-9a-f]{32}$/);
    assert.deepEqual(echo.get("x-request-id"), [answer.get("x-request-id")]);
  }
});

test("gateway continues a trace under a span of its own, and begins one otherwise", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const { echo } = await echoOf(house.gateway.url, [
    `traceparent: 00-${traceId}-00f067aa0ba902b7-01`,
    "tracestate: a=1",
    "tracestate: b=2",
  ]);
  assert.match(echo.get("traceparent")?.[0] ?? "", new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
  assert.deepEqual(echo.get("tracestate"), ["a=1, b=2"]);
  for (const bad of ["00-0-0-01", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`, `ff-${traceId}-00f067aa0ba902b7-01`]) {
    const begun = await echoOf(house.gateway.url, [`traceparent: ${bad}`, "tracestate: a=1"]);
    assert.match(begun.echo.get("traceparent")?.[0] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    assert.equal(begun.echo.get("tracestate"), undefined);
  }
});

test("gateway replaces what a stranger says of where the request comes from", async () => {
  const { echo } = await echoOf(house.gateway.url, [
    "x-forwarded-for: 6.6.6.6",
    "forwarded: for=6.6.6.6",
    "x-forwarded-proto: https",
    "x-forwarded-host: evil",
    "x-real-ip: 6.6.6.6",
    "via: 1.0 fred",
  ]);
  assert.deepEqual(echo.get("x-forwarded-for"), ["127.0.0.1"]);
  assert.deepEqual(echo.get("forwarded"), ['for=127.0.0.1;host="test";proto=http']);
  assert.deepEqual([echo.get("x-forwarded-proto"), echo.get("x-forwarded-host")], [["http"], ["test"]]);
  assert.equal(echo.get("x-real-ip"), undefined);
  assert.deepEqual(echo.get("via"), ["1.0 fred, 1.1 edge-1"]);
});

test("gateway believes a trusted proxy, as far as proxies are trusted", async () => {
  const behind = await startHouse(snapshotOf([backend]), [], { trustedProxies: ["127.0.0.0/8", "10.0.0.0/8"] });
  const { echo } = await echoOf(behind.gateway.url, [
    "x-forwarded-for: 6.6.6.6, 2001:db8::1, 10.0.0.1",
    "x-forwarded-proto: https",
    "x-forwarded-host: shop.test",
    "x-real-ip: 2001:db8::1",
  ]);
  await behind.stop();
  assert.deepEqual(echo.get("x-forwarded-for"), ["2001:db8::1, 10.0.0.1, 127.0.0.1"]);
  assert.deepEqual(echo.get("forwarded"), ['for="[2001:db8::1]";host="shop.test";proto=https, for=10.0.0.1, for=127.0.0.1']);
  assert.deepEqual(
    [echo.get("x-forwarded-proto"), echo.get("x-forwarded-host"), echo.get("x-real-ip")],
    [["https"], ["shop.test"], ["2001:db8::1"]],
  );
});

test("gateway tells users without an id apart by the believed address", async () => {
  const behind = await startHouse(snapshotOf([backend]), [], { trustedProxies: ["127.0.0.1"] });
  const client = connectRaw(behind.gateway.url);
  const bucketFor = async (address: string): Promise<string> => {
    const answer = await client.ask(getRequest("/", [`x-forwarded-for: ${address}`]));
    const { headers } = JSON.parse(answer.body) as Echo;
    return headers[headers.indexOf("x-weir-bucket") + 1] as string;
  };
  for (const address of ["192.0.2.1", "192.0.2.2"]) assert.equal(Number(await bucketFor(address)), bucketOf(address, "salt"));
  client.close();
  await behind.stop();
});

test("gateway answers a request in a loop 508", async () => {
  const { gateway } = house;
  const answer = await fetch(gateway.url, { headers: { via: "1.1 edge-1, 1.1 other, 1.1 edge-1, 1.1 edge-1" } });
  assert.equal(answer.status, 508);
  assert.equal(((await answer.json()) as { reason: string }).reason, "LOOP_DETECTED");
});

test("gateway without a route answers 404 with reason and id, and counts it", async () => {
  const snapshot = snapshotOf([backend]);
  const narrow = await startHouse({ ...snapshot, routes: snapshot.routes.map((route) => ({ ...route, pathPrefix: "/v1" })) }, []);
  const answer = await fetch(`${narrow.gateway.url}/v2/"<x>"`, { headers: { "x-request-id": "r7" } });
  assert.equal(answer.status, 404);
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal(answer.headers.get("x-request-id"), "r7");
  assert.equal(answer.headers.get("x-weir-version"), null);
  const body = (await answer.json()) as Record<string, string>;
  assert.deepEqual([body["code"], body["reason"]], ["not_found", "NO_ROUTE"]);
  const metrics = await (await fetch(`${narrow.gateway.adminUrl}/metrics`)).text();
  assert.match(metrics, /weir_gateway_causes_total\{route="",cause="NO_ROUTE"\} 1/);
  assert.equal((JSON.parse(narrow.lines[0] ?? "") as { cause: string }).cause, "NO_ROUTE");
  await narrow.stop();
});

test("gateway without a snapshot is not ready, and says so", async () => {
  const empty = await createGateway({ port: 0, adminPort: 0 });
  const answer = await fetch(empty.url);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "1");
  assert.equal(((await answer.json()) as { reason: string }).reason, "NO_SNAPSHOT");
  assert.equal((await fetch(`${empty.adminUrl}/healthz`)).status, 200);
  assert.equal((await fetch(`${empty.adminUrl}/readyz`)).status, 503);
  assert.equal((await fetch(`${empty.adminUrl}/snapshot`)).status, 404);
  await empty.apply(snapshotOf([backend]));
  assert.equal((await fetch(empty.url)).status, 200);
  assert.equal((await fetch(`${empty.adminUrl}/readyz`)).status, 200);
  assert.deepEqual(((await (await fetch(`${empty.adminUrl}/snapshot`)).json()) as { epoch: string }).epoch, "e1");
  await empty.stop();
});

test("gateway that cannot have its admin port lets go of the other one", async () => {
  const taken = createServer(() => Promise.resolve({ status: 200, headers: [] }));
  const { port } = await taken.listen({ port: 0 });
  await assert.rejects(createGateway({ port: 0, adminPort: port }), { reason: "ADDRESS_UNAVAILABLE" });
  await taken.close();
});

test("gateway refuses ambiguous requests before any backend sees them", async () => {
  const cases: [bytes: string, reason: string][] = [
    ["GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "HOST_REPEATED"],
    ["POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "FRAMING_AMBIGUOUS"],
    ["GET /a/../b HTTP/1.1\r\nhost: a\r\n\r\n", "TARGET_AMBIGUOUS"],
    ["GET / HTTP/1.1\nhost: a\n\n", "LINE_FEED_BARE"],
    [`GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, "HEAD_TOO_LARGE"],
    ["POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n", "BODY_TOO_LARGE"],
  ];
  const seen = backend.count;
  for (const [bytes, reason] of cases) {
    const client = connectRaw(house.gateway.url);
    const text = await client.exchange(bytes);
    client.close();
    assert.match(text, /^HTTP\/1\.1 4\d\d /, reason);
    assert.match(text, new RegExp(`"reason":"${reason}"`), text);
  }
  assert.equal(backend.count, seen);
  const metrics = await (await fetch(`${house.gateway.adminUrl}/metrics`)).text();
  assert.match(metrics, /weir_http_refusals_total\{server="main",reason="HOST_REPEATED"\} 1/);
});

test("gateway's access log has one line for each request, which a client cannot forge", async () => {
  const client = connectRaw(house.gateway.url);
  const before = house.lines.length;
  await client.ask(getRequest("/v1/a?token=secret", ["x-request-id: one"]));
  await client.ask(getRequest("/v1/b", ['x-request-id: "}\\u000a{']));
  client.close();
  const lines = house.lines.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(lines.length, 2);
  assert.deepEqual([lines[0]?.["requestId"], lines[0]?.["path"], lines[0]?.["status"], lines[0]?.["version"]], ["one", "/v1/a", 200, "v1"]);
  assert.ok(!house.lines.join().includes("secret"));
});

test("gateway sends 2,000 users where their buckets say, and growth moves nobody back", async () => {
  const v2 = await startBackend("b", "v2");
  const v1 = await startBackend("a", "v1");
  const grown = await startHouse(snapshotOf([v1, v2], { newWeight: 500 }), [v1, v2]);
  const client = connectRaw(grown.gateway.url);
  const users = Array.from({ length: 2000 }, (_, index) => `user-${index}`);
  let earlier = new Set<string>();
  for (const [step, newWeight] of [500, 2000, 5000, 10_000].entries()) {
    const snapshot = snapshotOf([v1, v2], { newWeight, revision: step + 2 });
    await grown.gateway.apply(snapshot);
    const onNew = new Set<string>();
    for (const user of users) {
      const answer = await client.ask(getRequest(`/?userId=${user}`));
      const version = answer.headers.get("x-weir-version");
      assert.equal(version, versionOf(bucketOf(user, "salt"), snapshot.routes[0]?.shares ?? []));
      assert.ok(answer.body.startsWith(`${version} `), answer.body);
      if (version === "v2") onNew.add(user);
    }
    for (const user of earlier) assert.ok(onNew.has(user), `${user} moved back at ${newWeight}`);
    const share = newWeight / 10_000;
    assert.ok(
      Math.abs(onNew.size / users.length - share) <= 4 * Math.sqrt((share * (1 - share)) / users.length),
      `${onNew.size} of 2000 at ${newWeight}`,
    );
    earlier = onNew;
  }
  client.close();
  await grown.stop();
});

test("growth over 20,000 users keeps to the weights and moves nobody back", () => {
  const users = Array.from({ length: 20_000 }, (_, index) => `id:${index * 7919}`);
  let earlier = new Set<string>();
  for (const weight of [500, 2000, 5000, 10_000]) {
    const shares = [
      { version: "v2", weight },
      { version: "v1", weight: 10_000 - weight },
    ];
    const onNew = new Set(users.filter((user) => versionOf(bucketOf(user, "release-7"), shares) === "v2"));
    for (const user of earlier) assert.ok(onNew.has(user));
    const share = weight / 10_000;
    assert.ok(Math.abs(onNew.size / users.length - share) <= 4 * Math.sqrt((share * (1 - share)) / users.length), String(onNew.size));
    earlier = onNew;
  }
});
