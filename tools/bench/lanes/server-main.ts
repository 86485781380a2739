// The instance of bench:lanes: calls that compute in slices on one loop, behind a bulkhead with lanes or one that serves first come, first.
import { implement } from "@weir/kit/rpc/implement";
import { createRpcHandler } from "@weir/kit/rpc/node/server";
import { metadataValue } from "@weir/kit/call";
import { createBulkhead } from "@weir/kit/policy/bulkhead";
import type { Lane } from "@weir/kit/policy/lane";
import { createServer } from "@weir/wire";
import { Hello } from "../hello.weir.ts";
import { bulkheadOptions, createComputation } from "./compute.ts";

const withLanes = process.argv[2] === "lanes";
const compute = createComputation();
const laneOf = (_: unknown, call: { readonly metadata: readonly string[] }): Lane =>
  (metadataValue(call.metadata, "x-lane") ?? "normal") as Lane;
const bulkhead = createBulkhead(bulkheadOptions(withLanes), withLanes ? { laneOf } : {});
const hello = implement(
  Hello,
  {
    /** Computes for as many milliseconds as its name says. */
    async greet({ name }, call) {
      const before = process.threadCpuUsage();
      await compute(Number(name), call);
      const { user, system } = process.threadCpuUsage(before);
      // What this thread computed from the call's beginning to its end, for whomever: it does not run while others have the core.
      return { message: "", visits: 0, score: (user + system) / 1000, returning: false, tags: [] };
    },
  },
  { layers: [bulkhead.layer] },
);
const server = createServer(createRpcHandler([hello]));
const { port } = await server.listen({ port: 0 });
process.stdout.write(`${port}\n`);
process.stdin.resume().once("end", () => void server.close());
