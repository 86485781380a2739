import assert from "node:assert/strict";
import { test } from "node:test";
import { layered } from "../service.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createBulkhead } from "./bulkhead.ts";
import { callOf, faultOf } from "./testing/scripted-server.ts";

test("planted fault, a queue at its bound: a bulkhead keeps its bounds, lets the urgent go first, and whoever gives up leaves its place", async () => {
  const clock = createVirtualClock();
  const begun: string[] = [];
  const bulkhead = createBulkhead<string>(
    { concurrencyMax: 2, queueMax: 3 },
    { clock, laneOf: (request) => request.split(" ")[0] as "urgent" | "bulk" },
  );
  const held = (): unknown => {
    const { underWay, waiting } = bulkhead.state();
    return { underWay, waiting };
  };
  const guarded = layered<string, string>(
    async (request) => {
      begun.push(request);
      await clock.sleep(100);
      return request;
    },
    [bulkhead.layer],
  );
  const answers = ["bulk 1", "bulk 2", "bulk 3", "bulk 4", "bulk 5"].map((request) => guarded(request, callOf(clock)));
  await clock.advance(0);
  assert.deepEqual(held(), { underWay: 2, waiting: { urgent: 0, normal: 0, bulk: 3 } });
  await assert.rejects(guarded("bulk 6", callOf(clock)), faultOf("BULKHEAD_FULL"));
  const displaced = assert.rejects(answers[4]!, faultOf("BULKHEAD_FULL"));
  const urgent = guarded("urgent 1", callOf(clock));
  await displaced;
  const impatient = callOf(clock, 50);
  const leaving = assert.rejects(guarded("urgent 2", impatient), faultOf("DEADLINE_EXCEEDED"));
  await assert.rejects(answers[3]!, faultOf("BULKHEAD_FULL"));
  await clock.advance(50);
  await leaving;
  await clock.advance(300);
  assert.equal(await urgent, "urgent 1");
  assert.deepEqual(begun, ["bulk 1", "bulk 2", "urgent 1", "bulk 3"]);
  assert.deepEqual(held(), { underWay: 0, waiting: { urgent: 0, normal: 0, bulk: 0 } });
});
