import process from "node:process";
import { createApp, implement } from "@weir/kit";
import type { Call } from "@weir/kit";
import { fault } from "@weir/kit/fault";
import { createBulkhead } from "@weir/kit/policy/bulkhead";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { Variant } from "./callers.ts";
import { callerOf } from "./callers.ts";
import { Chain } from "./chain.weir.ts";

/** Requests that a service works on at a time: as many as Tomcat has threads. Each is held until its answer, also while others are asked. */
const workers = 200;
/** Connections to the database, each for the time of one query. */
const connections = 32;
const queryMs = 20;

/** One service of the chain, told by its arguments: `VARIANT [URL of the next]`. Says its url to its parent, and is told of faults. */
const [variant = "none", next] = process.argv.slice(2);
let mode = { slower: 1, fails: false };
process.on("message", (told: typeof mode) => (mode = told));
process.on("disconnect", () => process.exit(0));

const pool = createBulkhead({ concurrencyMax: workers, queueMax: 100_000 });
const database = createBulkhead({ concurrencyMax: connections, queueMax: 100_000 }).layer(async (_: undefined, call: Call) => {
  const { slower, fails } = mode;
  if (fails) throw fault({ reason: "DATABASE_AWAY", code: "UNAVAILABLE" }, "Expected the database, found none.");
  await call.clock.sleep(queryMs * slower, call.signal);
});

const app = createApp({
  name: "chain",
  services: [
    implement(Chain, {
      own: (_, call) => worked(call),
      near: (_, call) => worked(call, (within) => caller?.own(within)),
      deep: (_, call) => worked(call, (within) => caller?.deep(within)),
    }),
  ],
  ...(variant !== "weir" && { policies: false }),
});
const transport = next === undefined ? undefined : createWireTransport({ url: next, protocol: "grpc" });
const caller = transport && callerOf(variant as Variant, transport, app.policies);
const worker = pool.layer(async (ask: ((call: Call) => Promise<unknown> | undefined) | undefined, call: Call) => {
  await database(undefined, call);
  await ask?.(call);
  return {};
});
const running = await app.start();
process.send?.({ url: `http://127.0.0.1:${running.port}` });

function worked(call: Call, ask?: (call: Call) => Promise<unknown> | undefined): Promise<object> {
  return worker(ask, call);
}
