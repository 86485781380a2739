import assert from "node:assert/strict";
import { test } from "node:test";
import type { Choice } from "./choice.ts";
import { createPicker } from "./choice.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Picker } from "./picker.ts";
import { endpointsOf } from "./testdata/scripted-client.ts";
import { seedOf, seededClock } from "./testdata/seeded.ts";

const kinds: readonly Choice[] = [{ kind: "least-load" }, { kind: "round-robin" }, { kind: "ring-hash" }];

function pickerOf(choice: Choice, endpoints: readonly Endpoint[], random: () => number): Picker {
  const picker = createPicker(choice, random);
  picker.use(endpoints, endpoints);
  return picker;
}

function countsOf(picker: Picker, endpoints: readonly Endpoint[], picks: number): number[] {
  const counts = new Map<Endpoint | undefined, number>();
  for (let made = 0; made < picks; made++) {
    const endpoint = picker.pick({ nowMs: 0, hash: undefined, tried: [] });
    counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
  }
  return endpoints.map((endpoint) => counts.get(endpoint) ?? 0);
}

for (const choice of kinds) {
  test(`${choice.kind} answers nothing without endpoints and the only one when there is one`, () => {
    const picker = createPicker(choice, () => 0.5);
    assert.equal(picker.pick({ nowMs: 0, hash: 1, tried: [] }), undefined);
    const only = endpointsOf(1);
    picker.use(only, only);
    assert.equal(picker.pick({ nowMs: 0, hash: 1, tried: [] }), only[0]);
    assert.equal(picker.pick({ nowMs: 0, hash: 1, tried: only }), only[0], "also when it has failed: there is no other");
  });

  test(`${choice.kind} spreads requests without keys evenly`, (t) => {
    const seed = seedOf();
    t.diagnostic(`seed ${seed}`);
    const endpoints = endpointsOf(5);
    const counts = countsOf(pickerOf(choice, endpoints, seededClock(seed).random), endpoints, 20_000);
    // Points of a ring differ by 7 %, four deviations of that; chance alone by 1.4 %.
    const tolerance = choice.kind === "ring-hash" ? 1200 : 300;
    for (const count of counts) assert.ok(Math.abs(count - 4000) < tolerance, counts.join(" "));
  });

  test(`${choice.kind} keeps to weights`, (t) => {
    const seed = seedOf();
    t.diagnostic(`seed ${seed}`);
    const weights = [1, 2, 5, 0.5, 1.5];
    const endpoints = endpointsOf(5, (index) => weights[index] as number);
    const counts = countsOf(pickerOf(choice, endpoints, seededClock(seed).random), endpoints, 40_000);
    const share = (index: number): number => (counts[index] as number) / 40_000 / ((weights[index] as number) / 10);
    for (let index = 0; index < 5; index++) assert.ok(share(index) > 0.75 && share(index) < 1.3, counts.join(" "));
  });

  test(`${choice.kind} leaves out who is not available, takes all when nobody is, and another than those that failed`, (t) => {
    const seed = seedOf();
    t.diagnostic(`seed ${seed}`);
    const endpoints = endpointsOf(4);
    const picker = createPicker(choice, seededClock(seed).random);
    for (const endpoint of endpoints) endpoint.reach = "down";
    const [first, second] = endpoints as [Endpoint, Endpoint];
    picker.use(endpoints, []);
    assert.ok(countsOf(picker, endpoints, 2000).every((count) => count > 100));
    first.reach = "up";
    second.reach = "up";
    picker.use(endpoints, [first, second]);
    const [one = 0, two = 0, ...others] = countsOf(picker, endpoints, 2000);
    assert.ok(one > 100 && two > 100 && others.every((count) => count === 0), [one, two, ...others].join(" "));
    for (let made = 0; made < 50; made++) assert.equal(picker.pick({ nowMs: 0, hash: undefined, tried: [first] }), second);
  });
}

test("least load takes the endpoint with less in flight for its weight", () => {
  const endpoints = endpointsOf(2, (index) => index + 1) as [Endpoint, Endpoint];
  const picker = pickerOf({ kind: "least-load" }, endpoints, () => 0.1);
  endpoints[0].inFlight = 2;
  endpoints[1].inFlight = 3;
  assert.equal(picker.pick({ nowMs: 0, hash: undefined, tried: [] }), endpoints[1]);
  endpoints[1].inFlight = 5;
  assert.equal(picker.pick({ nowMs: 0, hash: undefined, tried: [] }), endpoints[0]);
});

test("least load holds the most loaded of many below what chance alone would give it", (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const { random } = seededClock(seed);
  const endpoints = endpointsOf(50);
  const picker = pickerOf({ kind: "least-load" }, endpoints, random);
  for (let made = 0; made < 5000; made++) {
    const endpoint = picker.pick({ nowMs: 0, hash: undefined, tried: [] }) as Endpoint;
    endpoint.inFlight += 1;
  }
  const most = Math.max(...endpoints.map(({ inFlight }) => inFlight));
  // Two choices: mean + log2(log n) and a constant; one choice would be about 100 + 2.5 × 10.
  assert.ok(most <= 106, `${most} with a mean of 100`);
});

test("least load avoids who answers more than twice as slowly, but not for noise, and forgives in the end", () => {
  const endpoints = endpointsOf(2) as [Endpoint, Endpoint];
  const [fast, slow] = endpoints;
  const picks = (nowMs: number): number => {
    let found = 0;
    const numbers = [0.1, 0.9, 0.6, 0.2];
    const picker = pickerOf({ kind: "least-load" }, endpoints, () => numbers[(found = (found + 1) % 4)] as number);
    let slows = 0;
    for (let made = 0; made < 40; made++) if (picker.pick({ nowMs, hash: undefined, tried: [] }) === slow) slows += 1;
    return slows;
  };
  const answers = (endpoint: Endpoint, latencyMs: number, count: number, nowMs: number): void => {
    for (let made = 0; made < count; made++) endpoint.measured(latencyMs, nowMs);
  };
  answers(fast, 20, 100, 0);
  answers(slow, 30, 100, 0);
  assert.ok(picks(0) > 0, "half as slow again is noise");
  answers(slow, 200, 300, 1000);
  answers(fast, 20, 100, 1000);
  assert.equal(picks(1000), 0);
  answers(fast, 20, 100, 30_000);
  assert.ok(picks(30_000) > 0, "nothing was heard of it for half a minute");
  answers(slow, 1000, 5, 30_000);
  assert.ok(picks(30_000) > 0, "five answers say little");
});

test("round robin goes around one after the other and does not begin at the same place everywhere", () => {
  const endpoints = endpointsOf(4);
  const starts = new Set<number>();
  for (let client = 0; client < 50; client++) {
    const picker = pickerOf({ kind: "round-robin" }, endpoints, () => (client * 0.618034) % 1);
    const picked = Array.from({ length: 8 }, () => endpoints.indexOf(picker.pick({ nowMs: 0, hash: undefined, tried: [] }) as Endpoint));
    starts.add(picked[0] as number);
    for (const [index, place] of picked.entries()) assert.equal(place, ((picked[0] as number) + index) % 4);
  }
  assert.equal(starts.size, 4);
});
