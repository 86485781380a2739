import assert from "node:assert/strict";
import { test } from "node:test";
import { fault, isFault } from "../fault.ts";
import { createClient } from "../rpc/client.ts";
import { implement } from "../rpc/implement.ts";
import { createBalancedClient } from "../rpc/node/balance/balanced-client.ts";
import { createRpcHandler } from "../rpc/node/server.ts";
import { createWireTransport } from "../rpc/node/transport.ts";
import { Greeter } from "../rpc/testdata/greeter.weir.ts";
import { createServer } from "@weir/wire";
import { createClientPolicies } from "./client-policies.ts";

for (const protocol of ["grpc", "connect"] as const) {
  test(
    `tries over a balanced client by ${protocol} are those of the policy, and without one those of the client`,
    { timeout: 20_000 },
    async (t) => {
      let asked = 0;
      const greeter = implement(Greeter, {
        async hello() {
          asked += 1;
          throw fault({ reason: "AWAY", code: "UNAVAILABLE" }, "away");
        },
        async *count() {},
        sum: async () => assert.fail(),
        async *echo() {},
      });
      const servers = [1, 2].map(() => createServer(createRpcHandler([greeter], {})));
      const ports = await Promise.all(servers.map(async (server) => (await server.listen({ port: 0 })).port));
      const balanced = createBalancedClient({ target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`, outlier: false });
      t.after(async () => {
        await balanced.close();
        await Promise.all(servers.map((server) => server.close()));
      });
      const transport = createWireTransport({ client: balanced, protocol });
      const triesOf = async (options: Parameters<typeof createClient>[2]): Promise<number> => {
        asked = 0;
        await assert.rejects(createClient(Greeter, transport, options).hello({}), (thrown) => isFault(thrown) && thrown.reason === "AWAY");
        return asked;
      };
      const policies = createClientPolicies({
        policies: { "*": { client: { retry: { backoffMsMin: 0, backoffMsMax: 0, budgetPerSecondMin: 100 } } } },
      });
      assert.equal(await triesOf({ policies }), 3);
      assert.equal(await triesOf({}), 2);
      policies.apply({ "*": { client: { retry: { attemptsMax: 1 } } } });
      assert.equal(await triesOf({ policies }), 2);
    },
  );
}
