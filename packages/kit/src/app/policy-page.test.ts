import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "../call.ts";
import { isFault } from "../fault.ts";
import type { MethodPolicyState } from "../policy/policy-state.ts";
import { createClient } from "../rpc/client.ts";
import { implement } from "../rpc/implement.ts";
import { createWireTransport } from "../rpc/node/transport.ts";
import { createGreeter } from "../rpc/testdata/greeter.ts";
import { Greeter, HelloResponse } from "../rpc/testdata/greeter.weir.ts";
import { createApp } from "./app.ts";

const hello = "/weir.greeter.v1.Greeter/Hello";

interface Page {
  readonly shared: { readonly shedding: { readonly load: number } };
  readonly methods: readonly MethodPolicyState[];
}

/** An app that serves the greeter and calls itself, and its page of policies. */
async function house() {
  const logged: [string, unknown][] = [];
  const log: Logger = {
    debug() {},
    info() {},
    warn: (message, fields) => void logged.push([message, fields]),
    error() {},
    with: () => log,
  };
  const app = createApp({
    name: "greeter",
    services: [createGreeter()],
    log,
    policies: { methods: { "*": { server: { lane: "bulk" } } } },
  });
  const running = await app.start();
  const transport = createWireTransport({ url: `http://127.0.0.1:${running.port}` });
  const client = createClient(Greeter, transport, { policies: app.policies.client("itself") });
  const url = `http://127.0.0.1:${running.adminPort}/policies`;
  const ask = async ({ body, accept = "*/*" }: { readonly body?: string; readonly accept?: string } = {}): Promise<Response> => {
    const headers = { connection: "close", accept, "content-type": "application/json" };
    return fetch(url, { headers, signal: AbortSignal.timeout(5000), ...(body !== undefined && { method: "POST", body }) });
  };
  const read = async (): Promise<Page> => (await (await ask()).json()) as Page;
  const end = async (): Promise<void> => {
    await transport.close();
    await running.stop();
  };
  return { app, client, ask, read, logged, [Symbol.asyncDispose]: end };
}

const one = ({ methods }: Page, side: string): MethodPolicyState => {
  const found = methods.find((method) => method.side === side && method.method === hello);
  assert.ok(found);
  return found;
};

test("the page of policies shows each method's, where values came from, and what an operator changed with a reason", async () => {
  await using at = await house();
  await at.client.hello({ name: "ada" });
  const served = one(await at.read(), "server");
  assert.deepEqual([served.order, served.values["server.lane"]], [["shedding"], { value: "bulk", from: 'code "*"' }]);
  const called = one(await at.read(), "client");
  assert.deepEqual(called.order, ["total timeout", "retry", "breaker", "bulkhead", "attempt timeout"]);
  assert.equal((await at.read()).shared.shedding.load, 0);

  const word = { target: "itself", method: hello, breaker: "open", reason: "storage <moves>" };
  const change = (value: unknown): Promise<Response> => at.ask({ body: JSON.stringify(value) });
  for (const bad of [{ ...word, reason: " " }, { ...word, breaker: "shut" }, { ...word, target: "nobody" }, { ...word, forMs: "1" }, 7])
    assert.equal((await change(bad)).status, 400, JSON.stringify(bad));
  await at.client.hello({ name: "ada" });
  assert.equal((await change(word)).status, 200);
  await assert.rejects(at.client.hello({ name: "ada" }), (thrown) => isFault(thrown) && thrown.reason === "BREAKER_OPEN");
  assert.match(
    JSON.stringify(one(await at.read(), "client").parts["breaker"]),
    /"state":"open","refusing":1,"why":"by an operator: storage <moves>"/,
  );
  const told = at.logged.find(([message]) => message === "an operator overrides a breaker");
  assert.deepEqual(told?.[1], { target: "itself", method: hello, by: "open", reason: "storage <moves>" });
  assert.equal((await change({ ...word, breaker: "auto" })).status, 200);
  await at.client.hello({ name: "ada" });
});

test("a browser is shown the page of policies as text that runs nothing", async () => {
  await using at = await house();
  at.app.policies.overrideBreaker({ target: "itself", method: hello, by: "open", reason: "<script>alert(1)</script>" });
  const answer = await at.ask({ accept: "text/html,*/*" });
  const text = await answer.text();
  assert.match(answer.headers.get("content-type") ?? "", /^text\/html/);
  assert.match(answer.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  assert.match(text, /calls of \/weir\.greeter\.v1\.Greeter\/Hello at itself/);
  assert.match(text, /total timeout → retry → breaker → bulkhead → attempt timeout/);
  assert.ok(text.includes("&lt;script>") && !text.includes("<script"));
});

test("an app sheds by default what it cannot do, and authentication is not asked about it", async () => {
  const release = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let authenticated = 0;
  const greeter = implement(Greeter, {
    ...silentGreeter,
    async hello() {
      begun.resolve();
      await release.promise;
      return HelloResponse.create();
    },
  });
  const app = createApp({
    name: "greeter",
    services: [greeter],
    policies: { shedding: { inFlightMax: 1 } },
    layers: [
      (next) => (request, call) => {
        authenticated += 1;
        return next(request, call);
      },
    ],
  });
  await using running = await app.start();
  const transport = createWireTransport({ url: `http://127.0.0.1:${running.port}` });
  const client = createClient(Greeter, transport, { policies: app.policies.client("itself") });
  app.policies.apply({ "*": { client: { retry: { attemptsMax: 1 } } } });
  const first = client.hello({});
  await begun.promise;
  await assert.rejects(client.hello({}), (thrown) => isFault(thrown) && thrown.reason === "LOAD_SHED" && (thrown.retryAfterMs ?? 0) > 0);
  assert.equal(authenticated, 1);
  release.resolve();
  await first;
  await client.hello({});
  await transport.close();
});

const silentGreeter = {
  async *count() {},
  sum: async () => assert.fail(),
  async *echo() {},
};
