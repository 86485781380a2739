import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { createClient, readBody } from "@weir/wire";
import { snapshotOf, startHouse, type House } from "./fixtures/house.ts";
import { connectRaw, getRequest } from "./fixtures/raw-client.ts";
import { startRawEndpoint, type RawEndpoint } from "./fixtures/raw-endpoint.ts";
import { until } from "./fixtures/until.ts";

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** A gateway before one endpoint that answers as it likes. */
async function startBefore(
  t: TestContext,
  answer: (socket: Socket, piece: string) => void,
): Promise<{ house: House; endpoint: RawEndpoint }> {
  const endpoint = await startRawEndpoint((socket) => socket.on("data", (piece) => answer(socket, piece.toString("latin1"))));
  const house = await startHouse(snapshotOf([endpoint]), []);
  t.after(async () => {
    await house.stop();
    await endpoint.stop();
  });
  return { house, endpoint };
}

async function gauge({ gateway }: House, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
}

const switched = (protocol: string): string => `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`;
const socketRequest = getRequest("/ws", [
  "connection: upgrade",
  "upgrade: websocket",
  "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
  "sec-websocket-version: 13",
]);

test("names that a backend may take for others do not pass, nor who a stranger says to have proven to be", async (t) => {
  const { house, endpoint } = await startBefore(t, (socket) => socket.write(ok));
  const forged = [
    "Content_Length: 5",
    "transfer_encoding: chunked",
    "Keep_Alive: 1",
    "Proxy_Connection: a",
    "HTTP2-Settings: a",
    "x_Request-id: a",
  ];
  const said = [
    "Client-Cert: :a:",
    "client_cert: :a:",
    "Client-Cert-Chain: :a:",
    "X-Forwarded-Client-Cert: a",
    "X-Cluster-Client-IP: 6.6.6.6",
  ];
  const client = connectRaw(house.gateway.url);
  await client.ask(getRequest("/", [...forged, ...said, "x-kept: 1"]));
  client.close();
  const names = Array.from(endpoint.text().matchAll(/^([^:\r\n ]+):/gm), ([, name]) => name);
  const own = [
    "x-request-id",
    "traceparent",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "via",
    "x-weir-bucket",
  ];
  assert.deepEqual(names, ["host", "x-kept", ...own]);
});

test("naming headers of the gateway's own or of the framing in connection takes nothing away", async (t) => {
  const { house, endpoint } = await startBefore(t, (socket) => socket.write(ok));
  const named = "connection: close, content-length, transfer-encoding, host, x-forwarded-for, x-request-id, via, x-weir-bucket";
  const answer = await connectRaw(house.gateway.url).exchange(`POST / HTTP/1.1\r\nhost: a\r\n${named}\r\ncontent-length: 5\r\n\r\nGET /`);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  const head = endpoint.text();
  for (const kept of [
    /^host: a\r$/m,
    /^content-length: 5\r$/m,
    /^x-forwarded-for: 127\.0\.0\.1\r$/m,
    /^x-request-id: \w+\r$/m,
    /^via: /m,
  ]) {
    assert.match(head, kept);
  }
  assert.match(head, /^x-weir-bucket: \d{4}\r$/m);
  assert.match(head, /\r\n\r\nGET \/$/);
});

test("trailers of a request bring in nothing that its headers may not", async (t) => {
  const { house, endpoint } = await startBefore(t, (socket, piece) => {
    if (/(?:^|\r\n)0\r\n/.test(piece)) socket.write(ok);
  });
  const trailers = "x-weir-bucket: 0001\r\nx_weir_bucket: 0002\r\nx-forwarded-for: 6.6.6.6\r\nx_request_id: a\r\nx-sum: 1\r\n";
  const client = connectRaw(house.gateway.url);
  const { status } = await client.ask(`POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${trailers}\r\n`);
  client.close();
  assert.equal(status, 200);
  assert.match(endpoint.text(), /2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n$/);
});

test("an upgrade to a protocol that carries requests never passes, so none gets around the gateway", async (t) => {
  const { house, endpoint } = await startBefore(t, (socket, piece) => socket.write(/upgrade/i.test(piece) ? switched("h2c") : ok));
  for (const protocol of ["h2c", "H2C", "h2", "HTTP/2.0", "TLS/1.3", "h2c, websocket", "connect-udp"]) {
    const client = connectRaw(house.gateway.url);
    const upgrade = ["connection: upgrade, http2-settings", `upgrade: ${protocol}`, "http2-settings: AAMAAABkAAQAAP__"];
    assert.equal((await client.ask(getRequest("/", upgrade))).status, 200, protocol);
    client.close();
  }
  assert.doesNotMatch(endpoint.text(), /upgrade|http2-settings/i);
  const connect = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port), http2: true });
  const { status, body } = await connect.request({ method: "GET", target: "/", headers: [], upgrade: "connect-udp" });
  assert.deepEqual([status, JSON.parse(Buffer.from(await readBody(body, 1000)).toString()).reason], [501, "UPGRADE_REFUSED"]);
  await connect.close();
});

test("an endpoint that hands over a connection unasked, or to another protocol, is a bad answer and holds nothing", async (t) => {
  for (const request of [getRequest("/"), socketRequest]) {
    const { house } = await startBefore(t, (socket) => socket.write(switched("other")));
    const client = connectRaw(house.gateway.url);
    const { status, body } = await client.ask(request);
    client.close();
    assert.deepEqual([status, JSON.parse(body).reason], [502, "UPSTREAM_INVALID"]);
    assert.deepEqual([await gauge(house, "weir_gateway_in_flight"), await gauge(house, "weir_gateway_sessions")], [0, 0]);
  }
});

test("an upgrade that is granted behind an answer that its client did not wait for is let go of", async (t) => {
  const { house } = await startBefore(t, (socket, piece) => {
    if (piece.startsWith("GET /ws ")) socket.write(switched("websocket"));
  });
  const client = connectRaw(house.gateway.url);
  client.socket.write(getRequest("/slow") + socketRequest);
  await until(async () => (await gauge(house, "weir_gateway_sessions")) === 1, "the upgrade to be granted");
  client.socket.resetAndDestroy();
  await until(() => house.lines.length === 2, "both to be over");
  assert.deepEqual([await gauge(house, "weir_gateway_in_flight"), await gauge(house, "weir_gateway_sessions")], [0, 0]);
});

// What the endpoint says, and what the client may hear.
const splits: Readonly<Record<string, readonly [answer: string, heard: RegExp]>> = {
  "a header behind a bare line feed": ["HTTP/1.1 200 OK\r\nx: a\nset-cookie: b\r\ncontent-length: 0\r\n\r\n", /^HTTP\/1\.1 502 /],
  "two lengths": ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n", /^HTTP\/1\.1 502 /],
  "chunks and a length": ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", /^HTTP\/1\.1 502 /],
  "two answers": [`${ok}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison`, /^HTTP\/1\.1 200 (?![^]*poison)[^]*\r\n\r\nok$/],
  "framing in trailers": ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\ncontent-length: 3\r\n\r\n", /^HTTP\/1\.1 502 /],
  "trailers without end": [`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ${"y".repeat(100_000)}`, /^HTTP\/1\.1 502 /],
  "that our headers are its connection's": [
    "HTTP/1.1 200 OK\r\nconnection: x-request-id, x-weir-version\r\nx-weir-version: v9\r\ncontent-length: 2\r\n\r\nok",
    /\r\nx-weir-version: v1\r\nx-request-id: \w{32}\r\n/,
  ],
};

for (const [name, [answer, heard]] of Object.entries(splits)) {
  test(`an endpoint that says ${name} splits nothing`, async (t) => {
    const { house } = await startBefore(t, (socket) => socket.end(answer));
    const text = await connectRaw(house.gateway.url).exchange("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert.match(text, heard);
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1);
  });
}
