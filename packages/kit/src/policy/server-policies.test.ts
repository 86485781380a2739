import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import type { MethodDescriptor } from "../contract/contract.ts";
import { isFault } from "../fault.ts";
import { createClient } from "../rpc/client.ts";
import { Greeter } from "../rpc/testdata/greeter.weir.ts";
import type { Transport } from "../rpc/transport.ts";
import type { Message, Service } from "../service.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createPolicies } from "./policies.ts";
import type { ServerPoliciesOptions } from "./server-policies.ts";
import { createServerPolicies } from "./server-policies.ts";

const { hello, count } = Greeter.methods;

/** A method that takes so long, behind its policies. */
function served(options: Omit<ServerPoliciesOptions, "clock"> = {}, takesMs = 10) {
  const clock = createVirtualClock({ seed: 3 });
  const policies = createServerPolicies({ clock, ...options });
  const begun: string[] = [];
  const services = new Map<string, Service<Message<unknown>, Message<unknown>>>();
  const serviceOf = (method: MethodDescriptor<never, never>): Service<Message<unknown>, Message<unknown>> => {
    const guard = policies.guard(method as unknown as MethodDescriptor);
    return guard.admission(
      guard.limits(async (request, call) => {
        begun.push(call.method);
        await clock.sleep(takesMs);
        return request;
      }),
    );
  };
  const ask = (method: { readonly path: string }, identity?: string): Promise<string> => {
    const call = new Call({ clock, method: method.path, peer: { address: "10.0.0.7:5000", identity } });
    const service = services.get(method.path) ?? serviceOf(method as MethodDescriptor<never, never>);
    services.set(method.path, service);
    return service({ stream: false, message: {} }, call).then(
      () => "well",
      (thrown: unknown) => (isFault(thrown) ? thrown.reason : "no fault"),
    );
  };
  const stateOf = (path: string) => policies.state().find((one) => one.method === path);
  return { clock, policies, begun, ask, stateOf };
}

test("a rate bounds a method for all callers together, or for each by its identity", async () => {
  const { clock, policies, ask, stateOf } = served();
  policies.plan({ [hello.path]: { server: { rate: { perSecond: 1, burst: 2 } } } })();
  const first = [ask(hello, "a"), ask(hello, "a"), ask(hello, "b"), ask(count, "a")];
  await clock.advance(10);
  assert.deepEqual(await Promise.all(first), ["well", "well", "RATE_LIMITED", "well"]);
  policies.plan({ [hello.path]: { server: { rate: { perSecond: 1, burst: 2, per: "peer" } } } })();
  const second = [ask(hello, "a"), ask(hello, "a"), ask(hello, "a"), ask(hello, "b")];
  await clock.advance(10);
  assert.deepEqual(await Promise.all(second), ["well", "well", "RATE_LIMITED", "well"]);
  assert.deepEqual(stateOf(hello.path)?.order, ["shedding", "rate by peer"]);
});

test("work beyond what an app can do is shed, the bulk lane first and what is critical last", async () => {
  const { clock, policies, ask } = served(
    { shedding: { inFlightMax: 10 }, policies: { [count.path]: { server: { lane: "bulk" } } } },
    1000,
  );
  const critical = { ...hello, path: "/weir.greeter.v1.Greeter/Ping", critical: true };
  const answers = Array.from({ length: 200 }, () => [ask(count), ask(hello), ask(critical)]).flat();
  await clock.advance(1000);
  const ends = await Promise.all(answers);
  const passed = [0, 1, 2].map((offset) => ends.filter((end, at) => at % 3 === offset && end === "well").length);
  assert.ok(passed[0]! <= passed[1]! && passed[1]! < passed[2]!, passed.join(" "));
  assert.ok(ends.every((end) => end === "well" || end === "LOAD_SHED"));
  assert.ok((policies.shared()["shedding"] as { readonly shed: { readonly bulk: number } }).shed.bulk > 150);
  const after = ask(hello);
  await clock.advance(1000);
  assert.equal(await after, "well");
});

test("urgent calls go first where all methods share places", async () => {
  const { clock, begun, ask } = served({
    places: { concurrencyMax: 1, queueMax: 10 },
    policies: { [count.path]: { server: { lane: "bulk" } }, [hello.path]: { server: { lane: "urgent" } } },
  });
  const answers = [ask(count), ask(count), ask(count), ask(hello)];
  await clock.advance(100);
  await Promise.all(answers);
  assert.deepEqual(begun, [count.path, hello.path, count.path, count.path]);
});

test("nothing is shed where the code says so", async () => {
  const { ask, clock, stateOf } = served({ shedding: false });
  const answers = Array.from({ length: 3000 }, () => ask(hello));
  await clock.advance(10);
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(["well"]));
  assert.deepEqual(stateOf(hello.path)?.order, []);
});

test("the policies of a process are changed on both sides at once, or on neither", () => {
  const policies = createPolicies({ clock: createVirtualClock() });
  const transport = (async () => assert.fail()) as Transport;
  createClient(Greeter, transport, { policies: policies.client("one") });
  policies.guard(hello as unknown as MethodDescriptor);
  const shown = () =>
    policies.state().map(({ side, target, method, values }) => [side, target, method, values[`${side}.bulkhead.queueMax`]?.value]);
  const before = shown();
  // All right on the server's side, and wrong where the client's values meet.
  const bad = { "*": { server: { bulkhead: { queueMax: 7 } } }, [count.path]: { client: { retry: { backoffMsMin: 9000 } } } };
  assert.throws(() => policies.apply(bad), { reason: "POLICY_INVALID" });
  assert.deepEqual(shown(), before);
  policies.apply({ "*": { server: { bulkhead: { queueMax: 7 } }, client: { bulkhead: { queueMax: 8 } } } });
  createClient(Greeter, transport, { policies: policies.client("two") });
  assert.deepEqual(
    shown().filter(([, , method]) => method === hello.path),
    [
      ["server", "server", hello.path, 7],
      ["client", "one", hello.path, 8],
      ["client", "two", hello.path, 8],
    ],
  );
  assert.throws(() => policies.overrideBreaker({ target: "three", method: hello.path, by: "open", reason: "" }), {
    message: 'target: expected one of one, two, found "three".',
  });
});
