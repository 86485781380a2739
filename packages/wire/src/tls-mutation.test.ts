import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { createServer } from "./server.ts";
import { createAuthority } from "./testing/certificates.ts";
import { randomFrom } from "./testing/http2-wire.ts";
import { until } from "./testing/turns.ts";

const rounds = 200;
const bytesMax = 900;

test("a connection with one byte changed, or cut off anywhere, ends alone: the server answers the next", { timeout: 60_000 }, async (t) => {
  const seed = Date.now() >>> 0;
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const authority = createAuthority();
  const server = createServer(async () => ({ status: 200, headers: [], body: Buffer.from("hello") }), {
    tls: { certificates: [authority.issue({ ip: ["127.0.0.1"] })], cleartext: true },
  });
  t.after(() => server.close());
  const { port } = await server.listen({ port: 0 });
  // What comes in at this byte is changed by this; 0 ends the connection there.
  let at = Infinity;
  let flip = 0;
  const proxy = net.createServer((client) => {
    const origin = net.connect(port, "127.0.0.1");
    let count = 0;
    client.on("data", (bytes: Buffer) => {
      const inside = at - count;
      count += bytes.length;
      if (inside < 0 || inside >= bytes.length) origin.write(bytes);
      else if (flip === 0) origin.end(bytes.subarray(0, inside));
      else {
        bytes[inside] = (bytes[inside] as number) ^ flip;
        origin.write(bytes);
      }
    });
    origin.on("data", (bytes: Buffer) => client.write(bytes));
    for (const socket of [client, origin]) {
      socket.on("error", () => undefined);
      socket.on("end", () => [client, origin].map((one) => one.destroySoon()));
      socket.on("close", () => [client, origin].map((one) => one.destroy()));
    }
  });
  await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => proxy.close());
  const asks = (maxVersion: tls.SecureVersion, timeoutMs = 100): Promise<string> =>
    new Promise((resolve) => {
      const { port: proxyPort } = proxy.address() as net.AddressInfo;
      const socket = tls.connect({ host: "127.0.0.1", port: proxyPort, ca: authority.pem, maxVersion });
      let text = "";
      socket.on("data", (bytes: Buffer) => {
        text += bytes.toString();
        if (text.endsWith("hello")) socket.destroy();
      });
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(text.slice(-5)));
      // A record whose length has grown waits for bytes that never come.
      socket.setTimeout(timeoutMs, () => socket.destroy());
      socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    });
  for (let round = 0; round < rounds; round += 1) {
    at = Math.floor(random() * bytesMax);
    flip = round % 4 === 0 ? 0 : 1 << Math.floor(random() * 8);
    await asks(round % 2 === 0 ? "TLSv1.2" : "TLSv1.3");
  }
  at = Infinity;
  assert.equal(await asks("TLSv1.3", 10_000), "hello");
  await until(() => server.counters.connectionsOpen === 0);
  assert.ok(server.counters.tlsHandshakesTotal < rounds, `${server.counters.tlsHandshakesTotal} handshakes were done`);
});
