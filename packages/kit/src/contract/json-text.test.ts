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
  // What leads V8 astray is an object of the same shape whose next key is the raw beginning of the escaped one.
  const astray = [
    ["\\", '"'],
    ["\\", "\n"],
    ["\\u", "\u0001a"],
    ["a\\", 'a"'],
    ["k\\", "k\t"],
  ] as const;
  for (const [seen, key] of astray) {
    const before = [1, 2, 3].map(() => JSON.parse(JSON.stringify({ h: [], [seen]: 0 })) as unknown);
    assert.deepEqual(Object.keys(parseJson(JSON.stringify({ h: 1, [key]: { [key]: before.length } })) as object), ["h", key]);
    assert.deepEqual(parseJson(JSON.stringify([{ h: 1, [key]: { [key]: 2 } }])), [{ h: 1, [key]: { [key]: 2 } }]);
  }
});

test("parseJson keeps the last of two keys that are spelled differently and are the same", () => {
  assert.deepEqual(parseJson('{"\\u0061b\\n":1,"ab\\n":2}'), { "ab\n": 2 });
});

test("parseJson keeps keys that look like the names it uses itself", () => {
  const json = { "~0": 1, "~": { "a\n": 2, "~1": [{ '"': 3, "~9": 4, "\\~0": 5 }] }, "~\t": "a\\" };
  assert.deepEqual(parseJson(JSON.stringify(json)), json);
});

test("parseJson finds escaped keys behind escaped values and blanks", () => {
  const text = ' { "a" : "x\\\\" , "b":"\\"", "c":["\\n:"], "d\\t" \r\n\t : {"e\\"":"\\\\"} } ';
  assert.deepEqual(parseJson(text), { a: "x\\", b: '"', c: ["\n:"], "d\t": { 'e"': "\\" } });
});

test("parseJson refuses what is no JSON", () => {
  for (const text of ["", "{", "nope", '{"a\\n":1', "[1,]", "{'a':1}", '{"\\x":1}'])
    assert.throws(() => parseJson(text), SyntaxError, text);
});

test("parseJson refuses to rename keys in a text that nests without end", () => {
  const deep = `{"a\\n":${"[".repeat(5000)}${"]".repeat(5000)}}`;
  assert.throws(() => parseJson(deep), /deeper than 1000/);
});
