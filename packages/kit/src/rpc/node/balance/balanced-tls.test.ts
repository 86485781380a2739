import assert from "node:assert/strict";
import { test } from "node:test";
import { createServer } from "@weir/wire";
import type { TestCertificate } from "@weir/wire/testing/certificates";
import { createAuthority } from "@weir/wire/testing/certificates";
import { createBalancedClient } from "./balanced-client.ts";

const get = { method: "GET", target: "/", headers: [] };

async function startSecure(host: string, port: number, certificate: TestCertificate): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer(({ authority }) => Promise.resolve({ status: 200, headers: ["x-host", host, "x-authority", authority] }), {
    tls: { certificates: [certificate] },
  });
  const address = await server.listen({ host, port });
  return { port: address.port, [Symbol.asyncDispose]: () => server.close() };
}

for (const http2 of [true, false]) {
  test(
    `over TLS a dns target asks its name of the certificate, and leaves out who shows another (HTTP/${http2 ? "2" : "1.1"})`,
    { timeout: 20_000 },
    async () => {
      const authority = createAuthority();
      const named = authority.issue({ dns: ["feed.internal"] });
      await using first = await startSecure("127.0.0.1", 0, named);
      await using second = await startSecure("127.0.0.2", first.port, named);
      await using other = await startSecure("127.0.0.3", first.port, authority.issue({ dns: ["other.internal"] }));
      assert.equal(other.port, second.port);
      const client = createBalancedClient({
        target: `dns:///feed.internal:${first.port}`,
        dns: { lookup: async () => ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map((address) => ({ address })) },
        connection: { http2, tls: { ca: authority.pem } },
      });
      const hosts = new Set<string>();
      for (let made = 0; made < 60; made++) {
        const { headers } = await client.request(get, { timeoutMs: 5000 });
        hosts.add(headers[headers.indexOf("x-host") + 1] ?? "");
        assert.equal(headers[headers.indexOf("x-authority") + 1], `feed.internal:${first.port}`);
      }
      assert.deepEqual([...hosts].sort(), ["127.0.0.1", "127.0.0.2"]);
      assert.equal(client.endpoints()[2]?.state, "unreachable");
      await client.close();
    },
  );
}
