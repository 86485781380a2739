import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { WatchResponse } from "@weir/kit/app/registry";
import { Role } from "@weir/api/identity";
import { State } from "@weir/kit/app/registry";
import { Call } from "@weir/kit/call";
import type { VirtualClock } from "@weir/kit/testing/virtual-clock";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import { createBell } from "../bell.ts";
import type { TestHouse } from "../fixtures/house.ts";
import { instanceOf, openHouse, reasonOf, register } from "../fixtures/house.ts";
import { createWatchInstances } from "./watch-instances.ts";

describe("watching instances", { timeout: 20_000 }, () => {
  let clock: VirtualClock;
  let house: TestHouse;
  beforeEach(async () => {
    clock = createVirtualClock();
    house = await openHouse({ clock });
  });
  afterEach(async () => {
    await house.close();
  });

  const watchFeed = (): AsyncIterator<WatchResponse> => house.instance.registry.watch({ service: "feed" })[Symbol.asyncIterator]();

  /** "a1 SERVING live" of each instance of the next answer that fits. Time goes on meanwhile. */
  async function next(stream: AsyncIterator<WatchResponse>, stepMs = 20): Promise<string[]> {
    const pending = { value: undefined as WatchResponse | undefined };
    void stream.next().then(({ value }) => (pending.value = value as WatchResponse));
    for (let steps = 0; pending.value === undefined; steps++) {
      assert.ok(steps < 1000, "expected an answer of the stream");
      await clock.advance(stepMs);
    }
    const names = Object.entries(State);
    return pending.value.instances.map(
      ({ instance, state, live }) => `${instance?.id} ${names.find(([, value]) => value === state)?.[0]}${live ? " live" : ""}`,
    );
  }

  test("a stream tells the instances at once, and each change soon after it", async () => {
    await register(house.instance, [instanceOf("a1"), instanceOf("x1", { service: "other" })]);
    const stream = watchFeed();
    assert.deepEqual(await next(stream), ["a1 SERVING live"]);
    await register(house.instance, [instanceOf("a2")]);
    assert.deepEqual(await next(stream), ["a1 SERVING live", "a2 SERVING live"]);
    await house.instance.registry.heartbeat({ instanceId: "a1", state: State.DRAINING });
    assert.deepEqual(await next(stream), ["a1 DRAINING live", "a2 SERVING live"]);
    await house.instance.registry.deregister({ instanceId: "a1" });
    assert.deepEqual(await next(stream), ["a1 UNSPECIFIED", "a2 SERVING live"]);
    await stream.return?.();
  });

  test("a stream that has nothing new beats, and changes of other services do not count", async () => {
    await register(house.instance, [instanceOf("a1")]);
    const stream = watchFeed();
    await next(stream);
    await register(house.instance, [instanceOf("x1", { service: "other" })]);
    const beganMs = clock.monotonicMs();
    for (let beats = 0; beats < 9; beats++) {
      await house.instance.registry.heartbeat({ instanceId: "a1", state: State.SERVING });
      await clock.advance(500);
    }
    await next(stream);
    const passedMs = clock.monotonicMs() - beganMs;
    assert.ok(passedMs >= 4900 && passedMs <= 10_100, `${passedMs} ms`);
    await stream.return?.();
  });

  test("a service that nobody is of is an empty list, and a token of another service is refused", async () => {
    const nobody = house.admin.registry.watch({ service: "nobody" })[Symbol.asyncIterator]();
    assert.deepEqual(await next(nobody), []);
    await nobody.return?.();
    const { token } = await house.admin.identity.createToken({
      name: "limited",
      role: Role.INSTANCE,
      services: ["other"],
      reason: "a test",
    });
    assert.equal(
      await reasonOf(house.as(token).registry.watch({ service: "feed" })[Symbol.asyncIterator]().next()),
      "SERVICE_NOT_PERMITTED",
    );
  });

  test("a stream ends when control does", async () => {
    const stream = watchFeed();
    await next(stream);
    house.rooms.endStreams();
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
  });

  test("one stream too many is refused, and its place is free again when another has ended", async () => {
    const options = { list: () => [], bell: createBell(clock), clock, signal: new AbortController().signal, watchersMax: 1 };
    const watch = createWatchInstances(options);
    const first = watch("feed", new Call());
    await first.next();
    assert.equal(await reasonOf(watch("feed", new Call()).next()), "WATCHERS_TOO_MANY");
    await first.return();
    assert.deepEqual((await watch("feed", new Call()).next()).done, false);
  });
});
