import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ServerProtocol } from "@weir/wire";
import { createServer } from "@weir/wire";
import type { TestAuthority } from "@weir/wire/testing/certificates";
import { createAuthority } from "@weir/wire/testing/certificates";
import { createClient } from "../client.ts";
import { createGreeter } from "../testdata/greeter.ts";
import { Greeter } from "../testdata/greeter.weir.ts";
import { createRpcHandler } from "./server.ts";
import type { WireTransportOptions } from "./transport.ts";
import { createWireTransport } from "./transport.ts";

interface Secured {
  readonly authority: TestAuthority;
  /** HTTP versions and identities of the requests so far. */
  readonly seen: string[];
  greet(options?: WireTransportOptions): Promise<string>;
}

/** A greeter that speaks TLS, and calls to it; clients have to show a certificate that its authority issued. */
async function secured(t: TestContext, protocol: ServerProtocol): Promise<Secured> {
  const authority = createAuthority();
  const caller = authority.issue({ uri: ["spiffe://weir.test/caller"] });
  const handler = createRpcHandler([createGreeter()]);
  const seen: string[] = [];
  const server = createServer(
    (request, exchange) => {
      seen.push(`${exchange.version} ${exchange.identity}`);
      return handler(request, exchange);
    },
    { protocol, tls: { certificates: [authority.issue({ ip: ["127.0.0.1"] })], clientCa: authority.pem } },
  );
  const { port } = await server.listen({ port: 0 });
  t.after(() => server.close());
  return {
    authority,
    seen,
    async greet(options = {}) {
      const transport = createWireTransport({ url: `https://127.0.0.1:${port}`, tls: { ca: authority.pem, ...caller }, ...options });
      t.after(() => transport.close());
      const { greeting } = await createClient(Greeter, transport).hello({ name: "ada" });
      return greeting;
    },
  };
}

const caller = "spiffe://weir.test/caller";

test("a client of every protocol speaks TLS and HTTP/2, and shows its certificate", async (t) => {
  const { greet, seen } = await secured(t, "both");
  for (const protocol of ["connect", "grpc", "grpc-web"] as const) assert.equal(await greet({ protocol }), "hello ada");
  assert.deepEqual(
    seen,
    Array.from({ length: 3 }, () => `2 ${caller}`),
  );
});

test("a client of Connect speaks HTTP/1.1 to whoever does not choose HTTP/2, one of gRPC says why it cannot", async (t) => {
  const { greet, seen } = await secured(t, "http1");
  assert.equal(await greet(), "hello ada");
  assert.deepEqual(seen, [`1.1 ${caller}`]);
  await assert.rejects(greet({ protocol: "grpc" }), { reason: "TLS_PROTOCOL_MISMATCH" });
});

test("a client trusts nobody whom it has not been told to trust", async (t) => {
  const { greet, seen } = await secured(t, "both");
  await assert.rejects(greet({ tls: { ca: createAuthority().pem } }), { code: "UNAVAILABLE", reason: /^TLS_/ });
  assert.deepEqual(seen, []);
});
