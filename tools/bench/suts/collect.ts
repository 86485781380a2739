import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Lets a parent process ask for all garbage to be collected, so that it measures what is held and nothing else. */
export function collectWhenAsked(): void {
  if (process.send === undefined) return;
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: object) => void;
  process.on("message", () => {
    for (let round = 0; round < 5; round++) collect({ type: "major", execution: "sync", flavor: "last-resort" });
    process.send?.("collected");
  });
  process.once("disconnect", () => process.exit());
  process.send("ready");
}
