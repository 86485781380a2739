import assert from "node:assert/strict";
import https from "node:https";
import { test } from "node:test";
import tls from "node:tls";
import { createServer } from "./server.ts";
import { createAuthority } from "./testing/certificates.ts";
import { until } from "./testing/turns.ts";

const authority = createAuthority();
const certificateOf = (name: string): ReturnType<typeof authority.issue> => authority.issue({ dns: [name], ip: ["127.0.0.1"] });

function asks(port: number, agent: https.Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.get({ host: "127.0.0.1", port, ca: authority.pem, agent }, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => (text += part.toString()));
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}

function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: "127.0.0.1", port, ca: authority.pem }, () => {
      resolve(socket.getPeerX509Certificate()?.subjectAltName ?? "");
      // Not destroyed: its tickets are still on their way.
      socket.end().resume();
    });
    socket.on("error", reject);
  });
}

test("certificates are replaced under load, and no request fails", async (t) => {
  const server = createServer(async () => ({ status: 200, headers: [], body: Buffer.from("hello") }), {
    tls: { certificates: [certificateOf("first")] },
  });
  t.after(() => server.close());
  const { port } = await server.listen({ port: 0 });
  const kept = new https.Agent({ keepAlive: true, maxSockets: 4 });
  const fresh = new https.Agent({ keepAlive: false, maxSockets: 4 });
  t.after(() => {
    kept.destroy();
    fresh.destroy();
  });
  let asked = 0;
  let isOver = false;
  const users = [kept, kept, kept, kept, fresh, fresh, fresh, fresh].map(async (agent) => {
    while (!isOver) {
      assert.equal(await asks(port, agent), "hello");
      asked += 1;
    }
  });
  await until(() => asked > 20);
  for (let round = 0; round < 20; round += 1) {
    server.replaceTls({ certificates: [certificateOf(`round${round}`)] });
    assert.match(await shown(port), new RegExp(`DNS:round${round},`));
    const seen = asked;
    await until(() => asked > seen + 16);
  }
  isOver = true;
  await Promise.all(users);
  assert.deepEqual(server.counters.refusals, {});
  // Those that were kept saw nothing of it.
  assert.ok(server.counters.tlsHandshakesTotal < asked, `${server.counters.tlsHandshakesTotal} handshakes, ${asked} requests`);
});

test("a replacement that cannot be used is refused with its reason, and the old certificate stays", async (t) => {
  const first = certificateOf("first");
  const server = createServer(async () => ({ status: 200, headers: [] }), { tls: { certificates: [first] } });
  t.after(() => server.close());
  const { port } = await server.listen({ port: 0 });
  const late = authority.issue({ dns: ["late"], toMs: Date.now() - 1000 });
  const second = certificateOf("second");
  const cases = [
    { reason: "TLS_KEY_MISMATCH", material: { certificates: [{ certificate: second.certificate, key: first.key }] } },
    { reason: "TLS_CERTIFICATE_EXPIRED", material: { certificates: [second, late] } },
    { reason: "TLS_CERTIFICATE_INVALID", material: { certificates: [] } },
    { reason: "TLS_CERTIFICATE_INVALID", material: { certificates: [{ certificate: "half", key: second.key }] } },
    { reason: "TLS_CERTIFICATE_INVALID", material: { certificates: [second], clientCa: "half" } },
  ];
  for (const { reason, material } of cases) {
    assert.throws(() => server.replaceTls(material), { reason });
    assert.match(await shown(port), /DNS:first/);
  }
  server.replaceTls({ certificates: [second] });
  assert.match(await shown(port), /DNS:second/);
});
