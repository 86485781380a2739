import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "./endpoint.ts";
import type { Picker } from "./picker.ts";
import { createRingHash } from "./ring-hash.ts";
import { endpointsOf } from "./testdata/scripted-client.ts";
import { seedOf, seededClock } from "./testdata/seeded.ts";
import { textHash } from "./text-hash.ts";

function ringOf(endpoints: readonly Endpoint[], loadFactorMax = Infinity): Picker {
  const picker = createRingHash({ loadFactorMax, random: () => 0 });
  picker.use(endpoints, endpoints);
  return picker;
}

function owner(picker: Picker, key: string): Endpoint {
  return picker.pick({ nowMs: 0, hash: textHash(key), tried: [] }) as Endpoint;
}

test("a ring moves only the keys of an endpoint that leaves, and to one that comes only those it takes", (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const { random } = seededClock(seed);
  for (let round = 0; round < 20; round++) {
    const all = endpointsOf(3 + Math.floor(random() * 30), () => 0.5 + random() * 2);
    const gone = all[Math.floor(random() * all.length)] as Endpoint;
    const fewer = all.filter((endpoint) => endpoint !== gone);
    const [before, after] = [ringOf(all), ringOf(fewer)];
    const keys = Array.from({ length: 2000 }, () => `user-${Math.floor(random() * 1e9)}`);
    let moved = 0;
    for (const key of keys) {
      const [had, has] = [owner(before, key), owner(after, key)];
      if (had === has) continue;
      assert.equal(had, gone, `the key ${key} moved from ${had.key} to ${has.key} though ${gone.key} left`);
      moved += 1;
    }
    const share = gone.weight / all.reduce((sum, { weight }) => sum + weight, 0);
    assert.ok(moved < keys.length * share * 2 + 60, `${moved} of ${keys.length} moved, its share is ${share}`);
  }
});

test("a ring gives the keys of an endpoint that is not available to others and back, and the others keep theirs", () => {
  const endpoints = endpointsOf(8);
  const picker = ringOf(endpoints);
  const keys = Array.from({ length: 500 }, (_, index) => `cart-${index}`);
  const before = keys.map((key) => owner(picker, key));
  const out = endpoints[3] as Endpoint;
  out.reach = "down";
  picker.use(
    endpoints,
    endpoints.filter(({ available }) => available),
  );
  for (const [index, key] of keys.entries()) {
    const now = owner(picker, key);
    assert.notEqual(now, out);
    if (before[index] !== out) assert.equal(now, before[index]);
  }
  out.reach = "up";
  picker.use(endpoints, endpoints);
  assert.deepEqual(
    keys.map((key) => owner(picker, key)),
    before,
  );
});

test("a ring is the same whatever the order of the endpoints", () => {
  const endpoints = endpointsOf(9);
  const [one, other] = [ringOf(endpoints), ringOf([...endpoints].reverse())];
  for (let index = 0; index < 1000; index++) assert.equal(owner(one, `k${index}`), owner(other, `k${index}`));
});

test("a ring with a bound gives a hot key to the next endpoint, and never more than the bound to one", () => {
  const endpoints = endpointsOf(10);
  const picker = ringOf(endpoints, 1.25);
  for (let made = 1; made <= 1000; made++) {
    const endpoint = owner(picker, "hot");
    endpoint.inFlight += 1;
    assert.ok(endpoint.inFlight <= Math.ceil((1.25 * made) / 10), `${endpoint.inFlight} of ${made} in flight`);
  }
  const free = ringOf(endpointsOf(10));
  const first = owner(free, "hot");
  for (let made = 0; made < 1000; made++) assert.equal(owner(free, "hot"), first);
});

test("a ring of thousands of endpoints and of extreme weights stays bounded", () => {
  const many = ringOf(endpointsOf(5000, (index) => (index % 2 === 0 ? 100 : 0.001)));
  const picked = new Set(Array.from({ length: 3000 }, (_, index) => owner(many, `k${index}`)));
  assert.ok(picked.size > 1000, `${picked.size}`);
});
