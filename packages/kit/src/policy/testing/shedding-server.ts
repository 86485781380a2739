// A greeter that sheds, as a process of its own: a loop can be blocked really only where nobody else needs it.
import { createServer } from "@weir/wire";
import { createRpcHandler } from "../../rpc/node/server.ts";
import { createGreeter } from "../../rpc/testdata/greeter.ts";
import { HelloResponse } from "../../rpc/testdata/greeter.weir.ts";
import { metadataValue } from "../../call.ts";
import type { Lane } from "../lane.ts";
import { createLoadShedding } from "../load-shedding.ts";
import { createLoopWatch } from "../node-loop-watch.ts";

const shedding = createLoadShedding(
  { loopDelayMs: 50, loopDelayMsMax: 400 },
  {
    loop: createLoopWatch(),
    laneOf: (_, call) => (metadataValue(call.metadata, "x-lane") ?? "normal") as Lane,
    isCritical: (_, call) => metadataValue(call.metadata, "x-lane") === "critical",
  },
);

/** Computes for as long as the name says, "block 300". */
async function hello({ name }: { readonly name: string }): Promise<HelloResponse> {
  const endMs = performance.now() + Number(name.split(" ")[1] ?? 0);
  while (performance.now() < endMs);
  return HelloResponse.create({ greeting: name });
}

const server = createServer(createRpcHandler([createGreeter({ hello }, { layers: [shedding.layer] })]));
const { port } = await server.listen({ port: 0 });
process.stdout.write(`${port}\n`);
process.stdin.resume().once("end", () => void server.close());
