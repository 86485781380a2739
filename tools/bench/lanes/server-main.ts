// The instance of bench:lanes: calls that compute in slices on one loop, behind a bulkhead with lanes or one that serves first come, first.
import { implement } from "@weir/kit/rpc/implement";
import { createRpcHandler } from "@weir/kit/rpc/node/server";
import { metadataValue } from "@weir/kit/call";
import { createBulkhead } from "@weir/kit/policy/bulkhead";
import { giveWay } from "@weir/kit/policy/give-way";
import type { Lane } from "@weir/kit/policy/lane";
import { createServer } from "@weir/wire";
import { Hello } from "../hello.weir.ts";

const sliceMs = 0.25;
const withLanes = process.argv[2] === "lanes";
let sink = 0;

function compute(rounds: number): void {
  for (let round = 0; round < rounds; round++) sink = (Math.imul(sink ^ round, 0x9e3779b1) + (sink >>> 7)) | 0;
}

/** Rounds that take a slice when nobody else has the core: the least of many tries. */
function calibrated(): number {
  const rounds = 200_000;
  let leastMs = Infinity;
  for (let tries = 0; tries < 50; tries++) {
    const beganMs = performance.now();
    compute(rounds);
    leastMs = Math.min(leastMs, performance.now() - beganMs);
  }
  return Math.round((rounds * sliceMs) / leastMs);
}

const rounds = calibrated();
const laneOf = (_: unknown, call: { readonly metadata: readonly string[] }): Lane =>
  (metadataValue(call.metadata, "x-lane") ?? "normal") as Lane;
const options = { concurrencyMax: 8, queueMax: 64, ...(withLanes && { bulkMax: 4 }) };
const bulkhead = createBulkhead(options, withLanes ? { laneOf } : {});
const hello = implement(
  Hello,
  {
    /** Computes for as many milliseconds as its name says. */
    async greet({ name }, call) {
      const before = process.threadCpuUsage();
      for (let slice = Number(name) / sliceMs; slice > 0; slice--) {
        compute(rounds);
        await giveWay(call);
      }
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
