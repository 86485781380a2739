import process from "node:process";
import { createApp } from "@weir/kit/app";
import { implement } from "@weir/kit/rpc/implement";
import { Hello } from "../hello.weir.ts";

/** What the process that is fetched from says. */
export interface FetchServerNews {
  /** Once it listens. */
  readonly port?: number;
  /** Whenever it is asked: fetches that have arrived and wait for their answers. */
  readonly underWay?: number;
}

let gate = Promise.withResolvers<void>();
let underWay = 0;
const hello = implement(Hello, {
  async greet({ name }) {
    underWay += 1;
    if (name !== "warm-up") await gate.promise;
    underWay -= 1;
    return { message: name, visits: 1, score: 0.5, returning: false, tags: ["feature"] };
  },
});
const say = (news: FetchServerNews): void => void process.send?.(news);
// Ten thousand that wait are what is measured here, and no overload.
const running = await createApp({ name: "features", services: [hello], policies: false }).start();
process.on("message", (asked: "count" | "answer") => {
  if (asked === "count") return say({ underWay });
  gate.resolve();
  gate = Promise.withResolvers();
});
process.once("disconnect", () => void running.stop());
say({ port: running.port });
