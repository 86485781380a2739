import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseEndpoint, chooseLeastBad, mayEjectOneMore, type Choices } from "./choice.ts";
import { createHealth, type Health } from "./health.ts";

interface Stub {
  readonly name: string;
  inFlight: number;
  readonly health: Health;
}

function choices(count: number): Choices<Stub> {
  return {
    turn: 0,
    endpoints: Array.from({ length: count }, (_, index) => ({ name: String(index), inFlight: 0, health: createHealth() })),
  };
}

const options = { nowMs: 0, random: Math.random, mayProbe: true };

test("choice takes turns among equally loaded endpoints", () => {
  for (const count of [1, 2, 3, 8]) {
    const among = choices(count);
    const seen = new Map<string, number>();
    for (let index = 0; index < count * 10; index++) {
      const { name } = chooseEndpoint(among, options) as Stub;
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }
    assert.deepEqual(
      [...seen.values()],
      Array.from({ length: count }, () => 10),
    );
  }
});

test("choice takes the one with the fewest requests in flight", () => {
  const among = choices(4);
  among.endpoints.forEach((endpoint, index) => (endpoint.inFlight = index === 2 ? 1 : 5));
  for (let index = 0; index < 8; index++) assert.equal(chooseEndpoint(among, options)?.name, "2");
});

test("choice among many keeps the load even", () => {
  const among = choices(50);
  for (let index = 0; index < 5000; index++) (chooseEndpoint(among, options) as Stub).inFlight++;
  const loads = among.endpoints.map((endpoint) => endpoint.inFlight);
  assert.ok(Math.max(...loads) - Math.min(...loads) < 15, `loads from ${Math.min(...loads)} to ${Math.max(...loads)}`);
});

test("choice leaves out ejected endpoints and the one that has just failed", () => {
  for (const count of [2, 20]) {
    const among = choices(count);
    among.endpoints.forEach((endpoint, index) => {
      endpoint.health.state = index === 1 ? "healthy" : "ejected";
      endpoint.health.ejectedUntilMs = 100;
    });
    for (let index = 0; index < 40; index++) assert.equal(chooseEndpoint(among, options)?.name, "1");
    assert.equal(chooseEndpoint(among, { ...options, except: among.endpoints[1] }), undefined);
  }
  assert.equal(chooseEndpoint(choices(0), options), undefined);
});

test("choice sends one probe at a time to an endpoint whose ejection is over", () => {
  const among = choices(2);
  const [first] = among.endpoints as [Stub, Stub];
  first.health.state = "ejected";
  first.health.ejectedUntilMs = 100;
  const names = (mayProbe: boolean): (string | undefined)[] =>
    Array.from({ length: 4 }, () => chooseEndpoint(among, { ...options, nowMs: 100, mayProbe })?.name);
  assert.deepEqual(names(false), ["1", "1", "1", "1"]);
  assert.deepEqual(
    names(true).filter((name) => name === "0"),
    ["0"],
  );
  assert.equal(first.health.state, "probing");
});

test("choice of the least bad takes the one that comes back first, as its probe", () => {
  const among = choices(3);
  among.endpoints.forEach((endpoint, index) => {
    endpoint.health.state = "ejected";
    endpoint.health.ejectedUntilMs = 300 - index * 100;
  });
  assert.equal(chooseLeastBad(among)?.name, "2");
  assert.equal(among.endpoints[2]?.health.state, "probing");
  assert.equal(chooseLeastBad(choices(0)), undefined);
});

test("floor allows half of a cluster to be ejected", () => {
  const among = choices(4);
  assert.equal(mayEjectOneMore(among, 0.5), true);
  among.endpoints.slice(0, 2).forEach((endpoint) => (endpoint.health.state = "ejected"));
  assert.equal(mayEjectOneMore(among, 0.5), false);
  assert.equal(mayEjectOneMore(choices(1), 0.5), false);
});
