import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointAddress } from "./endpoint-address.ts";
import { subsetOf } from "./subset.ts";
import { seedOf, seededClock } from "./testdata/seeded.ts";

function addressesOf(count: number): EndpointAddress[] {
  return Array.from({ length: count }, (_, index) => ({ host: `10.0.${index >> 8}.${index & 255}`, port: 7000 }));
}

test("a subset is the same for the same client whatever the order, and everything when that is little", () => {
  const addresses = addressesOf(100);
  const options = { size: 10, clientId: "a" };
  const chosen = subsetOf(addresses, options);
  assert.equal(chosen.length, 10);
  assert.deepEqual(new Set(subsetOf(addresses.toReversed(), options)), new Set(chosen));
  assert.notDeepEqual(new Set(subsetOf(addresses, { size: 10, clientId: "b" })), new Set(chosen));
  assert.deepEqual(subsetOf(addresses.slice(0, 10), options), addresses.slice(0, 10));
});

test("a subset changes by one at most when one address comes or goes", (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const { random } = seededClock(seed);
  for (let round = 0; round < 300; round++) {
    const addresses = addressesOf(12 + Math.floor(random() * 60));
    const options = { size: 10, clientId: `client-${random()}` };
    const before = new Set(subsetOf(addresses, options));
    const gone = addresses[Math.floor(random() * addresses.length)] as EndpointAddress;
    const after = subsetOf(
      addresses.filter((address) => address !== gone),
      options,
    );
    const fresh = after.filter((address) => !before.has(address));
    assert.equal(fresh.length, before.has(gone) ? 1 : 0);
  }
});

test("subsets of many clients use every endpoint about as much", (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const { random } = seededClock(seed);
  const addresses = addressesOf(50);
  const uses = new Map<EndpointAddress, number>(addresses.map((address) => [address, 0]));
  for (let client = 0; client < 2000; client++) {
    for (const address of subsetOf(addresses, { size: 10, clientId: `${random()}` })) uses.set(address, (uses.get(address) ?? 0) + 1);
  }
  // Binomial with n = 2000 and p = 0.2: mean 400, deviation 18; five of those for the worst of fifty.
  for (const count of uses.values()) assert.ok(Math.abs(count - 400) < 90, [...uses.values()].join(" "));
});
