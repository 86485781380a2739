import { existsSync } from "node:fs";
import { systemClock } from "../../clock.ts";
import { createGreeter } from "../../rpc/testdata/greeter.ts";
import { HelloResponse } from "../../rpc/testdata/greeter.weir.ts";
import { createApp } from "../app.ts";

// A service as a user writes it, for tests that need a process of its own. SAMPLE_… say how it behaves.
const { SAMPLE_WARM_UP_MS = "0", SAMPLE_DELAY_MS = "0", SAMPLE_FAILS = "", SAMPLE_FAILS_WHILE_FILE = "" } = process.env;

const greeter = createGreeter({
  async hello({ name }, call) {
    await call.clock.sleep(Number(SAMPLE_DELAY_MS), call.signal);
    return HelloResponse.create({ greeting: `hello ${name}` });
  },
});

await createApp({ name: "sample", services: [greeter], timeouts: { leaveMs: 200, warmUpMsMax: 5000 } })
  .warmUp("index", (signal) => systemClock.sleep(Number(SAMPLE_WARM_UP_MS), signal))
  .warmUp("cache", async () => {
    if (SAMPLE_FAILS_WHILE_FILE !== "" && existsSync(SAMPLE_FAILS_WHILE_FILE)) throw new Error("the file is there");
    if (SAMPLE_FAILS === "warm-up") throw new Error("no cache today");
    if (SAMPLE_FAILS === "later") setTimeout(() => void Promise.reject(new Error("nobody catches this")), 50);
    if (SAMPLE_FAILS === "to let go") setInterval(() => undefined, 1000);
  })
  .run();
