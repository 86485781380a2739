import { createConfig } from "@weir/kit/config";
import { controlSource } from "@weir/kit/config/control-source";
import { durationMs, integer, map, record, secret, text } from "@weir/kit/config/key";

/**
 * Instances with a configuration each, every one over sockets of its own; says "ready" to its parent once all have subscribed, and
 * "torn" should one ever see half of a change. Arguments: url of control, token, how many, names begin with.
 */

const [url = "", token = "", count = "0", prefix = ""] = process.argv.slice(2);
const schema = {
  left: integer({ default: 0 }),
  right: integer({ default: 0 }),
  "cache.ttlMs": durationMs({ default: 30_000 }),
  password: secret(text({ default: "" })),
  limits: map(record({ perSecond: integer({ min: 1 }), burst: integer({ min: 1 }) })),
};

async function hold(index: number): Promise<void> {
  const source = controlSource({ service: "bench", version: "v1", instance: `${prefix}-${index}`, url, token, waitMsMax: 60_000 });
  const config = await createConfig({ schema, sources: [source] });
  config.subscribe(["left", "right"], ({ left, right }) => {
    if (left !== right) process.send?.("torn");
  });
}

await Promise.all(Array.from({ length: Number(count) }, (_, index) => hold(index)));
process.send?.("ready");
process.once("disconnect", () => process.exit());
