import assert from "node:assert/strict";
import { test } from "node:test";
import { randomFrom } from "./testdata/random-message.ts";
import { isIp, isIpPrefix } from "./validation-address.ts";
import { charactersIn, isEmail, isHostAndPort, isHostname, utf8BytesIn } from "./validation-text.ts";
import { isUri, isUriRef } from "./validation-uri.ts";

const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 1_000_000_007);

test(`characters and bytes of a text are counted as the platform counts them (seed ${seed})`, () => {
  const random = randomFrom(seed);
  const units = ["a", "é", "影", "𝑎", "\u07ff", "\u0800", "\uffff", "\ud835", "\udc4e"];
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: Math.floor(random() * 8) }, () => units[Math.floor(random() * units.length)]).join("");
    assert.equal(charactersIn(text), Array.from(text).length, JSON.stringify(text));
    assert.equal(utf8BytesIn(text), new TextEncoder().encode(text).length, JSON.stringify(text));
  }
});

function accepts(check: (text: string) => boolean, good: readonly string[], bad: readonly string[]): void {
  for (const text of good) assert.ok(check(text), `${text} is one`);
  for (const text of bad) assert.ok(!check(text), `${text} is none`);
}

test("addresses are those of RFC 4291 and dotted decimals", () => {
  const good = [
    "0.0.0.0",
    "255.255.255.255",
    "::",
    "::1",
    "1::",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
    "1:2:3:4:5:6:1.2.3.4",
  ];
  const bad = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.04",
    "1.2.3.256",
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
  ];
  accepts(
    (text) => isIp(text),
    [...good, "fe80::1%eth0", "::ffff:1.2.3.4", "ABCD::ef"],
    [...bad, "1::2::3", "12345::", "g::", "::1%", "1.2.3.4::", "::1.2.3.4:5"],
  );
  accepts((text) => isIp(text, 4), ["1.2.3.4"], ["::1"]);
  accepts((text) => isIp(text, 6), ["::1"], ["1.2.3.4"]);
  accepts(
    (text) => isIpPrefix(text),
    ["1.2.3.4/0", "1.2.3.4/32", "::/128", "1::/0"],
    ["1.2.3.4", "1.2.3.4/33", "1.2.3.4/08", "::/129", "::1%a/1", "/8", "1.2.3.4/"],
  );
  const strict = { strict: true };
  accepts(
    (text) => isIpPrefix(text, strict),
    ["10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "2001:db8::/33"],
    ["10.0.0.1/8", "1.2.3.4/31.", "2001:db8:8000::/32"],
  );
});

test("names, ports and mail addresses are what the standards take", () => {
  const long = "a".repeat(63);
  accepts(
    isHostname,
    ["a", "a.b", "a-b.c", "1.a", "a.", "xn--bcher-kva.example", `${long}.${long}`],
    ["", ".", "a..b", "-a", "a-", "a.1", "a_b", "é", `${long}a`, `${`${long}.`.repeat(3)}${long}`],
  );
  accepts(
    isHostAndPort,
    ["a:0", "a.b:65535", "1.2.3.4:80", "[::1]:80"],
    ["a", "a:", ":80", "a:65536", "a:01", "::1:80", "[::1]", "[a]:80", "a b:80"],
  );
  accepts(isEmail, ["a@b", "a.b+c@d-e.f", "!#$%@x"], ["", "a", "@b", "a@", "a@-b", "a@b-", "a b@c", "a@b..c", "é@a"]);
});

test("URIs are those of RFC 3986", () => {
  const good = [
    "a:",
    "a:b",
    "http://h",
    "http://h:",
    "http://u:p@h:80/p?q#f",
    "mailto:a@b",
    "a://",
    "a:///p",
    "urn:x:y",
    "http://[::1]/",
    "http://[v1.a]",
    "http://[fe80::1%25en]",
    "a:?q",
    "a:#",
  ];
  const bad = [
    "",
    "b",
    "1a:b",
    "a b:",
    "a:b c",
    "a:%zz",
    "a:[",
    "http://h:a",
    "http://[::1",
    "http://[::1]x",
    "http://[1]",
    "http://a@b@c",
    "http://%ff",
    "a:#b#c",
    "a:\\",
  ];
  accepts(isUri, good, bad);
  accepts(isUriRef, [...good, "", "p", "/p", "//h/p", "?q", "#f", "./a:b", "p/a:b"], ["a b", "1a:b", ":a", "//[", "%", "//h:x"]);
});
