import assert from "node:assert/strict";
import { test } from "node:test";
import type { Exchange, HttpRequest } from "@weir/wire";
import { fault, isFault } from "../fault.ts";
import { createGreeter } from "../rpc/testdata/greeter.ts";
import { createAdminPages } from "./admin-pages.ts";
import { createApp } from "./app.ts";

interface Asked {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask(url: string, { headers = {}, ...init }: Asked = {}): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(url, { ...init, headers: { "content-type": "application/json", connection: "close", ...headers } });
  return { status: answer.status, body: await answer.json() };
}

test("admin page shows what it is asked, and takes a change as JSON from tools alone", async () => {
  const app = createApp({ name: "sample", services: [createGreeter()] });
  let limit: unknown = 5n;
  app.admin.add("/limits", {
    show: (query) => ({ limit, of: query.get("of") }),
    async change(value) {
      if (value === 0) throw fault({ reason: "LIMIT_INVALID", code: "INVALID_ARGUMENT" }, "Expected more than 0.");
      limit = value;
      return { limit };
    },
  });
  await using running = await app.start();
  const url = `http://127.0.0.1:${running.adminPort}/limits`;
  assert.deepEqual(await ask(`${url}?of=rate`), { status: 200, body: { limit: "5", of: "rate" } });
  assert.deepEqual(await ask(url, { method: "POST", body: "7" }), { status: 200, body: { limit: 7 } });
  const refused = async (asked: Asked): Promise<[number, unknown]> => {
    const { status, body } = await ask(url, { method: "POST", body: "9", ...asked });
    return [status, (body as { reason?: string }).reason];
  };
  assert.deepEqual(await refused({ headers: { origin: "http://127.0.0.1" } }), [403, "ADMIN_CHANGE_REFUSED"]);
  assert.deepEqual(await refused({ headers: { "content-type": "text/plain" } }), [403, "ADMIN_CHANGE_REFUSED"]);
  assert.deepEqual(await refused({ body: "{" }), [400, "JSON_INVALID"]);
  assert.deepEqual(await refused({ body: "0" }), [400, "LIMIT_INVALID"]);
  assert.deepEqual(await ask(url), { status: 200, body: { limit: 7, of: null } });
});

test("admin page takes a change from this machine alone, whoever may read it", async () => {
  const pages = createAdminPages();
  let limit: unknown = 5;
  pages.add("/limits", { show: () => limit, change: (value) => (limit = value) });
  const handler = pages.handlerOf("/limits");
  const request = { method: "POST", target: "/limits", headers: ["content-type", "application/json"], body: Buffer.from("7") };
  const change = (peerAddress: string) => handler?.(request as unknown as HttpRequest, { peerAddress } as unknown as Exchange);
  const isRefused = (thrown: unknown): boolean => isFault(thrown) && thrown.reason === "ADMIN_CHANGE_REFUSED";
  for (const other of ["10.0.0.7", "::ffff:10.0.0.7", "2001:db8::7", "1.127.0.0", ""])
    await assert.rejects(async () => change(other), isRefused, other);
  assert.equal(limit, 5);
  for (const here of ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"]) assert.equal((await change(here))?.status, 200, here);
  assert.equal(limit, 7);
});

test("admin page without a change refuses POST, comes while the app runs and goes when it is taken away", async () => {
  const app = createApp({ name: "sample", services: [createGreeter()] });
  await using running = await app.start();
  const url = `http://127.0.0.1:${running.adminPort}`;
  assert.equal((await ask(`${url}/late`)).status, 404);
  const remove = app.admin.add("/late", { show: () => "here" });
  assert.deepEqual(await ask(`${url}/late`), { status: 200, body: "here" });
  assert.equal((await ask(`${url}/late`, { method: "POST", body: "1" })).status, 405);
  assert.deepEqual((await ask(`${url}/nowhere`)).body, {
    expected: ["/healthz", "/readyz", "/metrics", "/policies", "/late"],
    found: "/nowhere",
  });
  remove();
  assert.equal((await ask(`${url}/late`)).status, 404);
});

test("admin pages refuse a path that is taken or none", () => {
  const pages = createAdminPages();
  pages.add("/config/values", { show: () => 1 });
  for (const path of ["/config/values", "/metrics", "config", "/", "/a?b", "/a//b", "/%2e"]) {
    assert.throws(
      () => pages.add(path, { show: () => 1 }),
      (error) => isFault(error) && error.reason === "ADMIN_PAGE_TAKEN",
      path,
    );
  }
});
