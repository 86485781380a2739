import assert from "node:assert/strict";
import { test } from "node:test";
import { counting, faultOf, house } from "./testing/counting-actor.ts";

test("the strategy says who begins anew", async () => {
  for (const [strategy, expected] of [
    ["one_for_one", [0, 1, 0]],
    ["one_for_all", [1, 1, 1]],
    ["rest_for_one", [0, 1, 1]],
  ] as const) {
    const { root, clock } = house({ strategy });
    const actors = ["first", "second", "third"].map((name) => counting(root, [], { name }));
    await actors[1]?.tell("fail", "planned");
    await clock.advance(1000);
    assert.deepEqual(
      actors.map((actor) => actor.restarts),
      expected,
      strategy,
    );
    assert.deepEqual(
      actors.map((actor) => actor.state),
      ["running", "running", "running"],
    );
    await root.stop();
  }
});

test("too many failures climb the tree: the supervisor above begins its whole branch anew, the root gives up", async () => {
  const { root, clock } = house({ restartsMax: 1, withinMs: 120_000 });
  const branch = root.supervisor({ name: "branch", restartsMax: 2, withinMs: 60_000 });
  const [failing, beside] = [counting(branch, [], { name: "failing" }), counting(branch, [], { name: "beside" })];
  const apart = counting(root, [], { name: "apart" });
  const running = root.run(new AbortController().signal);
  const failTimes = async (times: number): Promise<void> => {
    for (let left = times; left > 0; left--) {
      await failing.tell("fail", "planned");
      await clock.advance(20_000);
    }
  };
  await failTimes(2);
  assert.deepEqual([failing.restarts, beside.restarts, apart.restarts], [2, 0, 0]);
  await failTimes(1);
  assert.deepEqual([failing.restarts, beside.restarts, apart.restarts], [3, 1, 0], "the branch began anew");
  const gaveUp = assert.rejects(running, faultOf("SUPERVISOR_GAVE_UP"));
  for (let left = 3; left > 0; left--) {
    await failing.tell("fail", "planned").catch(() => undefined);
    await clock.advance(100);
  }
  await gaveUp;
  assert.deepEqual([failing.state, beside.state, apart.state], ["stopped", "stopped", "stopped"]);
  assert.throws(() => counting(root, []), faultOf("ACTOR_STOPPED"));
});

test("failures that are far apart in time do not add up", async () => {
  const { root, clock } = house({ restartsMax: 1, withinMs: 1000 });
  const actor = counting(root, []);
  for (let left = 20; left > 0; left--) {
    await actor.tell("fail", "planned");
    await clock.advance(1001);
  }
  assert.deepEqual([actor.restarts, actor.state], [20, "running"]);
  await root.stop();
});

test("an actor may decide to stop, or to let the failure climb", async () => {
  const { root, clock } = house();
  const stopping = root.actor({
    name: "stopping",
    state: () => 0,
    onFailure: () => "stop",
    handlers: { fail: (): never => assert.fail("planned") },
  });
  await stopping.tell("fail");
  await clock.advance(0);
  assert.equal(stopping.state, "stopped");
  const escalating = root.actor({
    name: "escalating",
    state: () => 0,
    onFailure: () => "escalate",
    handlers: { fail: (): never => assert.fail("planned") },
  });
  const gaveUp = assert.rejects(root.run(new AbortController().signal), faultOf("SUPERVISOR_GAVE_UP"));
  await escalating.tell("fail");
  await clock.advance(0);
  await gaveUp;
});

test("a message that fails while the tree stops does not keep those behind it from being handled", async () => {
  const { root, clock, ask } = house();
  const actor = counting(root, []);
  const failing = assert.rejects(actor.ask(ask(), "fail", "planned"), faultOf("ACTOR_FAILED"));
  const behind = [actor.ask(ask(), "add", 1), actor.ask(ask(), "add", 1)];
  const stopped = root.stop(10_000);
  await clock.advance(1000);
  await failing;
  assert.deepEqual(await Promise.all(behind), [1, 2]);
  await stopped;
  assert.equal(actor.state, "stopped");
});

test("the tree stops with the signal of its Daemon, the last started first", async () => {
  const { root } = house();
  const log: string[] = [];
  for (const name of ["first", "second"])
    root.actor({ name, state: () => name, release: (state) => void log.push(state), handlers: { read: (state): string => state } });
  const controller = new AbortController();
  const running = root.run(controller.signal);
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  await running;
  assert.deepEqual(log, ["second", "first"]);
});
