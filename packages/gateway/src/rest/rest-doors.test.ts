import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "@weir/kit/call";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import type { Cluster } from "../upstream/cluster.ts";
import { createRestDoors } from "./rest-doors.ts";

test("doors to many clusters are forgotten one by one, so that those in use are not asked for anew", async () => {
  const asked: unknown[] = [];
  const log: Logger = {
    debug() {},
    info() {},
    warn: (_message, fields) => void asked.push(fields?.["service"]),
    error() {},
    with: () => log,
  };
  const doors = createRestDoors({ clock: createVirtualClock(), log, errorInfo: true });
  const clusterOf = (service: string): Cluster => ({ service, version: "v1", endpoints: [], turn: 0 });
  const ask = (service: string): Promise<void> => assert.rejects(doors.of(clusterOf(service)), { reason: "NO_HEALTHY_ENDPOINT" });
  await ask("used");
  for (let count = 0; count < 600; count++) {
    await ask(`s${count}`);
    await ask("used");
  }
  assert.equal(asked.length, 601, "each was asked once");
  await ask("s599");
  assert.equal(asked.length, 601, "and is left alone for a while");
  await ask("s0");
  assert.equal(asked.length, 602, "the one forgotten is asked again");
});
