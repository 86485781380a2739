import assert from "node:assert/strict";
import { test } from "node:test";
import { createConfig } from "../config/config.ts";
import { parsed } from "../config/key.ts";
import { pushedSource } from "../config/testdata/pushed-source.ts";
import { createClient } from "../rpc/client.ts";
import { Greeter } from "../rpc/testdata/greeter.weir.ts";
import type { Transport } from "../rpc/transport.ts";
import { createPolicies } from "./policies.ts";
import { policiesFrom } from "./policy-keys.ts";

const hello = "/weir.greeter.v1.Greeter/Hello";

test("a configuration changes policies while a process runs, and one that is wrong changes none", async (t) => {
  const source = pushedSource({ policies: { "*": { client: { timeoutMs: 400 } } } });
  const schema = { policies: parsed(policiesFrom, { default: {}, expected: "policies" }) };
  const config = await createConfig({ schema, sources: [source] });
  t.after(() => config.close());
  const policies = createPolicies();
  createClient(Greeter, (async () => assert.fail()) as Transport, { policies: policies.client("greeter") });
  const valueOf = (key: string): unknown => policies.state().find((one) => one.method === hello)?.values[key]?.value;
  policies.apply(config.get("policies"));
  assert.equal(valueOf("client.timeoutMs"), 400);

  config.subscribe(["policies"], (now) => policies.apply(now.policies));
  const right = await source.push({ policies: { [hello]: { client: { timeoutMs: 900, breaker: { kind: "classic" } } } } });
  assert.deepEqual([right.taken, valueOf("client.timeoutMs"), valueOf("client.breaker.kind")], [true, 900, "classic"]);

  const refusal = async (client: object): Promise<string> => {
    const outcome = await source.push({ policies: { "*": { client: { timeoutMs: 7, ...client } } } } as Parameters<typeof source.push>[0]);
    return outcome.taken ? "taken" : JSON.stringify(outcome.problems);
  };
  assert.match(await refusal({ rate: { perSecond: -1 } }), /client\.rate\.perSecond: expected a number from 0\.001/);
  // What only shows where values meet is refused by the subscriber, and as whole.
  assert.match(await refusal({ retry: { backoffMsMin: 3000 } }), /expected at least backoffMsMin, which is 3000/);
  assert.equal(valueOf("client.timeoutMs"), 900);
});
