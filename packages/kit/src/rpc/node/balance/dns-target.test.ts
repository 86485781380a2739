import assert from "node:assert/strict";
import { lookup as platformLookup } from "node:dns/promises";
import { test } from "node:test";
import { WireError, wireReasons } from "@weir/wire";
import type { Fault } from "../../../fault.ts";
import type { VirtualClock } from "../../../testing/virtual-clock.ts";
import { createLogBook, eventually } from "../../testdata/greeter.ts";
import { createBalancedClient } from "./balanced-client.ts";
import type { DnsOptions } from "./dns-target.ts";
import { createDnsTarget } from "./dns-target.ts";
import { addressKey } from "./endpoint-address.ts";
import type { TargetWatch } from "./target.ts";
import { scriptedEndpoints } from "./testdata/scripted-client.ts";
import { seedOf, seededClock } from "./testdata/seeded.ts";

type Answer = readonly string[] | Error | "hangs";

interface Name {
  answer: Answer;
  readonly lookedUpMs: number[];
  readonly told: (string | Fault)[];
  readonly watch: TargetWatch;
}

function watchName(clock: VirtualClock, options: Partial<DnsOptions> = {}, first: Answer = ["10.0.0.1"]): Name {
  const lookedUpMs: number[] = [];
  const told: (string | Fault)[] = [];
  const name = { answer: first, lookedUpMs, told };
  const lookup = async (host: string): Promise<{ address: string }[]> => {
    assert.equal(host, "feed.internal");
    lookedUpMs.push(clock.monotonicMs());
    const { answer } = name;
    if (answer === "hangs") return new Promise(() => undefined);
    if (answer instanceof Error) throw answer;
    return answer.map((address) => ({ address }));
  };
  const target = createDnsTarget("dns:///feed.internal:7000", {
    address: { host: "feed.internal", port: 7000 },
    clock,
    lookup,
    ...options,
  });
  const watch = target.watch({
    resolved: (addresses) => void told.push(addresses.map(addressKey).join(" ")),
    failed: (error) => void told.push(error),
  });
  return Object.assign(name, { watch });
}

test("a dns target tells the addresses of both families once each, sorted", async () => {
  const clock = seededClock(1);
  const name = watchName(clock, {}, ["10.0.0.2", "fd00::1", "10.0.0.1", "10.0.0.2"]);
  await clock.advance(0);
  assert.deepEqual(name.told, ["10.0.0.1:7000 10.0.0.2:7000 [fd00::1]:7000"]);
  name.watch.close();
  assert.equal(clock.pending, 0);
});

test("a dns target sees new addresses within the interval though nothing breaks", async (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const clock = seededClock(seed);
  const name = watchName(clock);
  await clock.advance(1000);
  name.answer = ["10.0.0.1", "10.0.0.9"];
  await clock.advance(36_000);
  assert.deepEqual(name.told.at(-1), "10.0.0.1:7000 10.0.0.9:7000");
  await clock.advance(3_600_000);
  const pauses = name.lookedUpMs.slice(1).map((atMs, index) => atMs - (name.lookedUpMs[index] as number));
  assert.ok(
    pauses.every((pauseMs) => pauseMs >= 24_000 && pauseMs <= 36_000),
    pauses.join(" "),
  );
  assert.ok(Math.max(...pauses) - Math.min(...pauses) > 2000, "the interval is jittered");
  name.watch.close();
});

test("a dns target that is asked ten thousand times in a minute looks up a dozen times, not thousands", async (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const clock = seededClock(seed);
  const name = watchName(clock);
  for (let asked = 0; asked < 10_000; asked++) {
    name.watch.refresh();
    await clock.advance(6);
  }
  assert.ok(name.lookedUpMs.length >= 8 && name.lookedUpMs.length <= 13, `${name.lookedUpMs.length} lookups`);
  const pauses = name.lookedUpMs.slice(1).map((atMs, index) => atMs - (name.lookedUpMs[index] as number));
  assert.ok(Math.min(...pauses) >= 5000, pauses.join(" "));
  name.watch.close();
});

test("a dns target looks again soon after a failure of a connection", async () => {
  const clock = seededClock(1);
  const name = watchName(clock);
  await clock.advance(8000);
  name.watch.refresh();
  await clock.advance(0);
  assert.equal(name.lookedUpMs.length, 2, "the last lookup is old enough");
  name.watch.refresh();
  await clock.advance(4999);
  assert.equal(name.lookedUpMs.length, 2);
  await clock.advance(2501);
  assert.equal(name.lookedUpMs.length, 3);
  name.watch.close();
});

test("a thousand clients that lose a server at once do not look up in step", async (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const clock = seededClock(seed);
  const names = Array.from({ length: 1000 }, () => watchName(clock));
  for (let second = 0; second < 20; second++) {
    for (const { watch } of names) watch.refresh();
    await clock.advance(1000);
  }
  const perSecond = new Map<number, number>();
  for (const { lookedUpMs } of names) {
    for (const atMs of lookedUpMs.slice(1)) perSecond.set(Math.floor(atMs / 1000), (perSecond.get(Math.floor(atMs / 1000)) ?? 0) + 1);
  }
  assert.ok(Math.max(...perSecond.values()) < 550, [...perSecond].join(" "));
  for (const { watch } of names) watch.close();
});

test("a dns target tells failures and empty answers, and tries again on its own", async () => {
  const clock = seededClock(1);
  const name = watchName(clock, {}, new Error("queryA ESERVFAIL"));
  await clock.advance(0);
  assert.match(String((name.told[0] as Fault).message), /feed\.internal.*ESERVFAIL/);
  assert.equal((name.told[0] as Fault).reason, "TARGET_UNRESOLVED");
  name.answer = [];
  await clock.advance(7500);
  assert.equal(name.told[1], "");
  name.answer = ["10.0.0.3"];
  await clock.advance(7500);
  assert.equal(name.told.at(-1), "10.0.0.3:7000");
  name.watch.close();
});

test("a lookup that hangs has failed after its time, and takes no second thread with it", async () => {
  const clock = seededClock(1);
  const name = watchName(clock, {}, "hangs");
  await clock.advance(600_000);
  assert.equal(name.lookedUpMs.length, 1);
  assert.equal((name.told[0] as Fault).reason, "TARGET_UNRESOLVED");
  assert.equal(name.told.length, 1);
  name.watch.close();
  assert.equal(clock.pending, 0);
});

test("a dns target that is closed tells nothing any more", async () => {
  const clock = seededClock(1);
  let resolve: (found: { address: string }[]) => void = () => undefined;
  const name = watchName(clock, { lookup: () => new Promise((settle) => (resolve = settle)) });
  name.watch.close();
  resolve([{ address: "10.0.0.1" }]);
  await clock.advance(100_000);
  assert.deepEqual(name.told, []);
  assert.equal(clock.pending, 0);
});

test("a dns target asks the resolver of the platform when it is given no other", async () => {
  const [first] = await platformLookup("localhost", { all: true });
  const told: string[] = [];
  const clock = seededClock(1);
  const target = createDnsTarget("dns:///localhost:7000", { address: { host: "localhost", port: 7000 }, clock });
  assert.equal(target.authority, "localhost:7000");
  const watch = target.watch({ resolved: (addresses) => void told.push(...addresses.map(({ host }) => host)), failed: assert.ifError });
  await eventually(() => told.length > 0, "an answer of the platform");
  assert.ok(told.includes(first?.address ?? ""));
  watch.close();
});

test("an endpoint whose connections cannot be made ends no process: the list of before stays, and it is said", async () => {
  const clock = seededClock(3);
  let found = ["10.0.0.1"];
  const endpoints = scriptedEndpoints();
  const log = createLogBook();
  const client = createBalancedClient({
    target: "dns:///feed.internal:7000",
    dns: { lookup: async () => found.map((address) => ({ address })) },
    // As wire does when its own certificate has run out meanwhile.
    connection(address) {
      if (address.host === "10.0.0.2") throw new WireError(wireReasons.TLS_CERTIFICATE_EXPIRED, "expected a certificate that is valid now");
      return endpoints.open(address);
    },
    telemetry: { log },
    clock,
  });
  const addresses = (): string =>
    client
      .endpoints()
      .flatMap(({ address, state }) => (state === "leaving" ? [] : [address]))
      .join(" ");
  await clock.advance(1);
  assert.equal(addresses(), "10.0.0.1:7000");
  found = ["10.0.0.1", "10.0.0.2"];
  await clock.advance(40_000);
  assert.equal(addresses(), "10.0.0.1:7000");
  assert.match(log.lines.join(" "), /valid now/);
  assert.equal(client.resolution.outcome, "failed");
  assert.equal((await client.request({ method: "GET", target: "/", headers: [] })).status, 200);
  found = ["10.0.0.3"];
  await clock.advance(40_000);
  assert.equal(addresses(), "10.0.0.3:7000");
  await client.close();
});

test("a lookup that throws at once has failed like any other", async () => {
  const clock = seededClock(1);
  const lookup = (): never => {
    throw new Error("no resolver here");
  };
  const name = watchName(clock, { lookup });
  await clock.advance(40_000);
  assert.match((name.told[0] as Fault).message, /no resolver here/);
  assert.ok(name.told.length > 2, "and is tried again");
  name.watch.close();
});
