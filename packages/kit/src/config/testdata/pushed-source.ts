import type { JsonValue } from "../../contract/contract.ts";
import type { ConfigSource, OfferOutcome, SourceHost } from "../source.ts";

/** A source that offers what a test gives it. */
export interface PushedSource extends ConfigSource {
  push(values: Readonly<Record<string, JsonValue>>, revision?: string): Promise<OfferOutcome>;
}

/** Begins with these values. */
export function pushedSource(initial: Readonly<Record<string, JsonValue>>, name = "pushed"): PushedSource {
  let host: SourceHost | undefined;
  let pushes = 0;
  const push: PushedSource["push"] = async (values, revision = String(++pushes)) => {
    if (!host) throw new Error("Expected a source that has been started.");
    return await host.offer({ revision, values: new Map(Object.entries(values)) });
  };
  return {
    kind: "pushed",
    name,
    async start(given) {
      host = given;
      await push(initial, "start");
    },
    state: () => ({ state: "pushed" }),
    stop: async () => undefined,
    push,
  };
}
