import assert from "node:assert/strict";
import { test } from "node:test";
import { patternFrom } from "./pattern.ts";

function matches(pattern: string, text: string): boolean {
  const found = patternFrom(pattern, 100);
  if (found.problem !== undefined) assert.fail(`${pattern}: ${found.problem}`);
  return new RegExp(found.source, found.flags).test(text);
}

test("a pattern of RE2 means the same in JavaScript", () => {
  const cases: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
    ["^a.c$", ["abc", "a\rc", "a\u2028c", "a𝑎c"], ["a\nc", "abcd"]],
    ["(?s)^a.c$", ["a\nc"], ["ac"]],
    ["(?i)^ABC$", ["abc", "aBc"], ["abd"]],
    ["(?m)^b$", ["a\nb\nc"], ["ab"]],
    ["^\\s$", [" ", "\t", "\n"], ["\u00a0", "\v", "x"]],
    ["^[\\s\\d-]+$", ["1 -2"], ["a"]],
    ["^[^\\W_]$", ["a", "9"], ["_", "-"]],
    ["^[]a-]$", ["]", "a", "-"], ["b"]],
    ["^[[:alpha:][:^ascii:]]$", ["a", "é"], ["1"]],
    ["\\Aab\\z", ["ab"], ["ab\n", "xab"]],
    ["^\\x41\\x{1d44e}\\.$", ["A𝑎."], ["A𝑎x"]],
    ["^(?P<name>a|bc){2}$", ["abc", "bca", "aa"], ["a", "abcb"]],
    ["^a{,2}$", ["a{,2}"], ["aa"]],
    ["\\bfoo\\b", ["a foo b"], ["afoo"]],
    ["^(|a)$", ["", "a"], ["b"]],
    ["^-|/$", ["-x", "x/"], ["x"]],
  ];
  for (const [pattern, yes, no] of cases) {
    for (const text of yes) assert.ok(matches(pattern, text), `${pattern} matches ${JSON.stringify(text)}`);
    for (const text of no) assert.ok(!matches(pattern, text), `${pattern} does not match ${JSON.stringify(text)}`);
  }
});

test("what RE2 does not have is refused, with what it is", () => {
  for (const pattern of [
    "(?=a)",
    "(?<!a)b",
    "(a)\\1",
    "a**",
    "(",
    ")",
    "[a",
    "[b-a]",
    "a{2,1}",
    "a{1001}",
    "\\q",
    "+",
    "[[:nope:]]",
    "a(?i)b",
  ]) {
    assert.notEqual(patternFrom(pattern).problem, undefined, pattern);
  }
  assert.equal(patternFrom("(?=a)").problem, "which has a group that looks around, or flags within the pattern");
});

test("a pattern that a text can make slow is refused, unless the text is short", () => {
  const always = [
    "^(a+)+$",
    "(a*)*b",
    "^(a|a)*$",
    "^([a-z]+ ?)*$",
    "^(\\w+\\s?)+$",
    "^(a|ab)*c$",
    "(x+x+)+y",
    "^(a?){40}a{40}$",
    "^(.*a){12}$",
  ];
  for (const pattern of always) assert.match(patternFrom(pattern, 60).problem ?? assert.fail(pattern), /may grow/, pattern);
  for (const pattern of ["[a-z]+@", "^.*a.*$", "a+b", "^\\w+\\w+$"]) {
    assert.match(patternFrom(pattern).problem ?? assert.fail(pattern), /max_len/, pattern);
    assert.equal(patternFrom(pattern, 200).problem, undefined, pattern);
  }
  for (const pattern of ["^[a-z]+(-[a-z]+)*$", "^.*\\.png$", "^(?:[0-9]{1,3}\\.){3}[0-9]{1,3}$", "foo|bar", "^[^/]+/[^/]+$"]) {
    assert.equal(patternFrom(pattern).problem, undefined, pattern);
  }
});

test("patterns that are taken answer soon on texts that are made to slow them", () => {
  for (const pattern of ["^[a-z]+(-[a-z]+)*$", "^.*\\.png$", "^[a-z0-9]+(?:[._-][a-z0-9]+)*@[a-z]+$"]) {
    const found = patternFrom(pattern);
    if (found.problem !== undefined) assert.fail(`${pattern}: ${found.problem}`);
    const compiled = new RegExp(found.source, found.flags);
    for (const part of ["a", "a-", "a.p", "a:"]) {
      const { user } = process.cpuUsage();
      assert.equal(compiled.test(`${part.repeat(400_000 / part.length)}!`), false);
      assert.ok(process.cpuUsage().user - user < 2_000_000, `${pattern} on ${part}`);
    }
  }
});
