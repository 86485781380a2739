import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson } from "./json-text.ts";

test("parseJson reads what JSON.parse reads", () => {
  const texts = [
    '{"a":[1,true,null,"x\\n"],"b":{"c":"\\u00e9"}}',
    '"\\ud83c\\udfac"',
    "[]",
    "-1.5e3",
    '{"__proto__":{"a":1}}',
    ' { "a" : 1 } ',
  ];
  for (const text of texts) assert.deepEqual(parseJson(text), JSON.parse(text), text);
});

test("parseJson reads escaped keys right when the engine has seen keys with a backslash", () => {
  const words = ["", "\\", '"', "\n", "\u0000", "a\\", 'a"', "a\u2028", "\\\u2028", "影", "k", "kk0", "__proto__", "a\\b"];
  for (let round = 0; round < 20_000; round++) {
    const picked = [round, round * 7 + 3, round * 13 + 5].map((number) => words[number % words.length] ?? "");
    const entries = [...new Set(picked)].map((key, index) => [key, words[(round + index * 5) % words.length]] as const);
    const text = JSON.stringify(Object.fromEntries(entries));
    assert.deepEqual(new Map(Object.entries(parseJson(text) as object)), new Map(entries), text);
  }
});

test("parseJson keeps the last of two keys that are spelled differently and are the same", () => {
  assert.deepEqual(parseJson('{"\\u0061b\\n":1,"ab\\n":2}'), { "ab\n": 2 });
});

test("parseJson refuses what is no JSON", () => {
  for (const text of ["", "{", "nope", '{"a\\n":1', "[1,]", "{'a':1}", '{"\\x":1}'])
    assert.throws(() => parseJson(text), SyntaxError, text);
});

test("parseJson refuses to rename keys in a text that nests without end", () => {
  const deep = `{"a\\n":${"[".repeat(5000)}${"]".repeat(5000)}}`;
  assert.throws(() => parseJson(deep), /deeper than 1000/);
});
