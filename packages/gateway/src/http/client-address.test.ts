import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, clientAddressFrom, trustedProxiesFrom } from "./client-address.ts";

const trusted = trustedProxiesFrom(["10.0.0.0/8", "127.0.0.1", "2001:db8::/32"]);
const client = (peer: string, xForwardedFor: string, forwarded = ""): string =>
  clientAddressFrom(peer, { xForwardedFor, forwarded }, trusted).hops.join(" ");

test("client address is the peer when the peer is no trusted proxy, whatever it says", () => {
  assert.equal(client("192.0.2.1", "1.1.1.1, 10.0.0.1", "for=1.1.1.1"), "192.0.2.1");
  assert.deepEqual(clientAddressFrom("10.1.1.1", { xForwardedFor: "1.1.1.1", forwarded: "" }, trustedProxiesFrom([])).hops, ["10.1.1.1"]);
});

test("client address is found by walking from the right to the first untrusted hop", () => {
  const cases: [xForwardedFor: string, hops: string][] = [
    ["192.0.2.7", "192.0.2.7 127.0.0.1"],
    ["6.6.6.6, 192.0.2.7", "192.0.2.7 127.0.0.1"],
    ["6.6.6.6, 192.0.2.7, 10.2.0.1", "192.0.2.7 10.2.0.1 127.0.0.1"],
    ["10.3.0.1, 10.2.0.1", "10.3.0.1 10.2.0.1 127.0.0.1"],
    ["192.0.2.7:4711", "192.0.2.7 127.0.0.1"],
    ["[2001:db9::1]:443, 2001:db8::5", "2001:db9::1 2001:db8::5 127.0.0.1"],
    ["::ffff:192.0.2.7", "192.0.2.7 127.0.0.1"],
    ["192.0.2.7, unknown", "127.0.0.1"],
    ["192.0.2.7, ' OR 1=1", "127.0.0.1"],
    ["192.0.2.7,", "127.0.0.1"],
    ["", "127.0.0.1"],
  ];
  for (const [header, hops] of cases) assert.equal(client("127.0.0.1", header), hops, header);
});

test("client address is read from Forwarded when there is no X-Forwarded-For", () => {
  const cases: [forwarded: string, hops: string][] = [
    ["for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60 127.0.0.1"],
    ['for=6.6.6.6, proto=http;For="[2001:db9::17]:4711"', "2001:db9::17 127.0.0.1"],
    ['for="a,b\\"c", for=192.0.2.60', "192.0.2.60 127.0.0.1"],
    ["for=_hidden", "127.0.0.1"],
    ["for=192.0.2.60, proto=http", "127.0.0.1"],
  ];
  for (const [header, hops] of cases) assert.equal(client("127.0.0.1", "", header), hops, header);
  assert.equal(client("127.0.0.1", "192.0.2.1", "for=6.6.6.6"), "192.0.2.1 127.0.0.1");
});

test("client address walks a bounded number of hops", () => {
  const header = Array.from({ length: 5000 }, () => "10.0.0.1").join(", ");
  assert.equal(client("127.0.0.1", header).split(" ").length, 16);
});

test("trusted proxies that are no CIDR are refused by name", () => {
  for (const bad of ["10.0.0.0/33", "10.0.0/8", "nonsense", "::1/129", "10.0.0.0/", "10.0.0.0/-1"]) {
    assert.throws(() => trustedProxiesFrom([bad]), { reason: "TRUSTED_PROXY_INVALID", message: new RegExp(bad.replace(/[/.]/g, ".")) });
  }
});

test("address of a peer loses port, brackets and the IPv4 prefix", () => {
  const cases = {
    "127.0.0.1:80": "127.0.0.1",
    "[::1]:80": "::1",
    "[::ffff:1.2.3.4]:80": "1.2.3.4",
    "::1": "::1",
    "1.2.3.4": "1.2.3.4",
    "": "",
  };
  for (const [peer, address] of Object.entries(cases)) assert.equal(addressOf(peer), address, peer);
});
