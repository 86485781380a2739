import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { createClient } from "./client.ts";
import { createServer } from "./server.ts";
import { createAuthority } from "./testing/certificates.ts";

const table = "/proc/net/tcp";
const skip = existsSync(table) ? false : `no ${table}: only Linux shows the timers of its connections`;

/** The kind of timer that runs for a connection to this port, or of whoever listens there, and when it fires, in seconds. */
function timerOf(port: number, side: "client" | "server"): { readonly kind: string; readonly seconds: number } | undefined {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const line of readFileSync(table, "latin1").split("\n")) {
    const [, local = "", remote = "", state, , timer = ""] = line.trim().split(/\s+/);
    if (!(side === "client" ? remote : local).endsWith(hex) || state !== "01") continue;
    const [kind = "", ticks = ""] = timer.split(":");
    return { kind, seconds: Number.parseInt(ticks, 16) / 100 };
  }
  return undefined;
}

const keepAliveTimer = "02";

test("TCP probes a quiet connection of a client and of a server, over cleartext and TLS", { skip }, async (t) => {
  const authority = createAuthority();
  const certificate = authority.issue({ ip: ["127.0.0.1"] });
  for (const secure of [false, true]) {
    const server = createServer(async () => ({ status: 200, headers: [] }), secure ? { tls: { certificates: [certificate] } } : {});
    const { port } = await server.listen({ port: 0 });
    const client = createClient({ host: "127.0.0.1", port, ...(secure && { tls: { ca: authority.pem } }) });
    t.after(async () => {
      await client.close();
      await server.close();
    });
    assert.equal((await client.request({ method: "GET", target: "/", headers: [] })).status, 200);
    for (const side of ["client", "server"] as const) {
      const timer = timerOf(port, side);
      assert.equal(timer?.kind, keepAliveTimer, `${side}, secure ${secure}`);
      assert.ok(timer.seconds > 50 && timer.seconds <= 60, String(timer.seconds));
    }
  }
});
