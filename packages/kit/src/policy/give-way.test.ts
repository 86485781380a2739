import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../service.ts";
import { layered } from "../service.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createBulkhead } from "./bulkhead.ts";
import { giveWay } from "./give-way.ts";
import type { Lane } from "./lane.ts";
import { callOf, faultOf } from "./testing/scripted-server.ts";

test("planted fault, bulk work that computes: an urgent call is through before bulk work computes on, which still gets its slices", async () => {
  const clock = createVirtualClock();
  const slices: string[] = [];
  const policy = createBulkhead<string>(
    { concurrencyMax: 10, queueMax: 10 },
    { clock, laneOf: (request) => request.split(" ")[0] as Lane },
  );
  const serve = layered<string, string>(
    async (request, call) => {
      const [lane, count] = request.split(" ");
      for (let slice = 0; slice < Number(count); slice++) {
        slices.push(lane!);
        // An urgent slice takes its time, so that the pauses of others can be seen.
        if (lane === "urgent") await clock.sleep(1);
        await giveWay(call);
      }
      return request;
    },
    [policy.layer],
  );
  const bulk = serve("bulk 50", callOf(clock));
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  await turns(5);
  assert.ok(slices.length >= 3);
  const before = slices.length;
  const urgent = serve("urgent 40", callOf(clock));
  for (let ms = 0; ms < 45; ms++) {
    await clock.advance(1);
    await turns(2);
  }
  assert.equal(await urgent, "urgent 40");
  const until = slices.lastIndexOf("urgent");
  const between = slices.slice(before, until).filter((lane) => lane === "bulk").length;
  assert.ok(between >= 3 && between <= 6, `${between} bulk slices while 40 urgent ones were computed in 40 ms`);
  await turns(120);
  assert.equal(await bulk, "bulk 50");
  assert.equal(clock.pending, 0);
});

test("a handler without lanes gives way to the loop alone, and one whose caller has left stops", async () => {
  const clock = createVirtualClock();
  let slices = 0;
  const computing: Service<string, string> = async (request, call) => {
    for (; ; slices++) {
      if (slices === 10) call.cancel();
      await giveWay(call);
      if (slices > 20) return request;
    }
  };
  await assert.rejects(computing("x", callOf(clock)), faultOf("CALL_CANCELLED"));
  assert.equal(slices, 10);
});
