import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCommentedJson } from "./commented-json.ts";

/** What JSON.stringify keeps of a value. */
const jsonValue = fc.jsonValue({ maxDepth: 6 });

test("whatever JSON.stringify writes is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(jsonValue, fc.constantFrom(0, 1, "\t", "\r\n"), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.deepEqual(parseCommentedJson(text).value, JSON.parse(text));
    }),
  );
});

test("a text cut or changed anywhere gives a value or a SyntaxError with its line, and what JSON.parse takes is the same value", () => {
  fc.assert(
    fc.property(
      jsonValue,
      fc.nat(),
      fc.constantFrom("", '"', "{", "}", ",", ":", "\\", "/", "*", "\n", "1", "-", "\u0000"),
      (value, at, put) => {
        const whole = JSON.stringify({ value }, null, 1);
        const place = at % whole.length;
        const text = whole.slice(0, place) + put + whole.slice(place + 1);
        let found: unknown;
        try {
          found = parseCommentedJson(text).value;
        } catch (error) {
          assert.match((error as Error).message, /^line \d+(, column \d+)?: expected [^]*, found /);
          found = error;
        }
        let standard: unknown;
        try {
          standard = JSON.parse(text);
        } catch {
          return;
        }
        // Only a key that stands twice is taken by the standard and not here.
        if (!(found instanceof SyntaxError && found.message.includes("each key once"))) assert.deepEqual(found, standard);
      },
    ),
  );
});

test("comments and a comma behind the last item are passed over, and lines are known", () => {
  const text = '// first\n{ "a": { /* in\nside */ "b": [1, 2, ], },\n"c.d": "// none", } // last';
  const { value, lines } = parseCommentedJson(text);
  assert.deepEqual(value, { a: { b: [1, 2] }, "c.d": "// none" });
  assert.deepEqual(
    [...lines],
    [
      ["a", 2],
      ["a.b", 3],
      ["c.d", 4],
    ],
  );
});

test("what is no JSON is refused where it stands, without quoting more than one character of it", () => {
  const cases: [string, RegExp][] = [
    ["", /^line 1, column 1: expected a value, found the end of the text$/],
    ['{\n "a" 1}', /^line 2, column 6: expected ":", found "1"$/],
    ['{"a":01}', /expected a value, found "0"/],
    ['{"a":+1}', /expected a value/],
    ['{"a":NaN}', /expected a value, found "N"/],
    ["{'a':1}", /expected a key in quotes or "}", found "'"/],
    ["{,}", /expected a key/],
    ["[,]", /expected a value/],
    ["[1 2]", /expected "," or "]", found "2"/],
    ['{"a":"hunter2', /expected the end of a text, found the end of the text/],
    ['{"a":"\\x hunter2"}', /expected a text with valid escapes, found "\\""/],
    ["{} {}", /expected the end, found "{"/],
    ["/* hunter2", /expected the end of a comment/],
    ['{"a":1,\n"a":2}', /^line 2: expected each key once, found "a" again$/],
    ["[".repeat(200), /expected at most 100 levels/],
    ['{"a":1e999}', /expected a value/],
  ];
  for (const [text, expected] of cases) {
    assert.throws(() => parseCommentedJson(text), { name: "SyntaxError", message: expected }, text.slice(0, 20));
    assert.throws(
      () => parseCommentedJson(text),
      (error: Error) => !error.message.includes("hunter2"),
    );
  }
});

test("a key called __proto__ is a key like others", () => {
  const { value } = parseCommentedJson('{ "__proto__": { "polluted": true } }');
  assert.deepEqual(Object.keys(value as object), ["__proto__"]);
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});
