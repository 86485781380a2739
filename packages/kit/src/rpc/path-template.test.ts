import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { parsePathTemplate, variableValue } from "./path-template.ts";

test("a path template parses into segments, variables and a verb", () => {
  assert.deepEqual(parsePathTemplate("/v1/{name=shelves/*/books/**}:archive"), {
    text: "/v1/{name=shelves/*/books/**}:archive",
    segments: [
      { kind: "literal", text: "v1" },
      { kind: "literal", text: "shelves" },
      { kind: "single" },
      { kind: "literal", text: "books" },
      { kind: "rest" },
    ],
    variables: [{ field: "name", start: 1, end: Infinity }],
    verb: "archive",
  });
  assert.deepEqual(parsePathTemplate("/v1/*/{page.page_size}").variables, [{ field: "page.page_size", start: 2, end: 3 }]);
  assert.deepEqual(parsePathTemplate("/").segments, []);
});

test("a malformed path template is refused with what was expected", () => {
  const bad: [template: string, expected: RegExp][] = [
    ["v1/a", /"\/" at the start/],
    ["/v1//a", /expected a literal/],
    ["/v1/", /expected a literal/],
    ["/v1/a b", /expected a literal/],
    ["/v1/{a", /expected "}"/],
    ["/v1/{a}x", /expected "}"/],
    ["/v1/x{a}", /expected a literal/],
    ["/v1/{}", /name of a field/],
    ["/v1/{a-b}", /name of a field/],
    ["/v1/{a={b}}", /expected a literal/],
    ["/v1/{a=}", /expected a literal/],
    ["/v1/**/a", /nothing after/],
    ["/v1/{a=**}/b", /nothing after/],
    ["/v1/{a}/{a}", /found "a" twice/],
    ["/v1/a:", /a word after the colon/],
    ["/v1/a:b c", /a word after the colon/],
  ];
  for (const [template, expected] of bad) {
    assert.throws(
      () => parsePathTemplate(template),
      (thrown) => {
        assert.ok(isFault(thrown) && thrown.reason === "TEMPLATE_INVALID", template);
        assert.match(thrown.message, expected, template);
        return true;
      },
    );
  }
});

test("a variable of one segment is decoded whole, one of several keeps its encoded slashes", () => {
  const one = { field: "a", start: 0, end: 1 };
  const rest = { field: "a", start: 1, end: Infinity };
  assert.equal(variableValue(one, "/caf%C3%A9%2Fbar+1"), "café/bar+1");
  assert.equal(variableValue(rest, "/x/a%20b%2Fc/d%2f%C3%A9"), "a b%2Fc/d%2fé");
  assert.equal(variableValue(rest, "/x"), "");
  assert.equal(variableValue({ field: "a", start: 1, end: 3 }, "/x/a/b%2Fc/y"), "a/b%2Fc");
  assert.equal(variableValue({ field: "a", start: 1, end: 2 }, "/x/a"), "a");
  assert.equal(variableValue({ field: "a", start: 0, end: Infinity }, "/"), "");
});

test("a path that is not percent-encoded UTF-8 is refused", () => {
  for (const raw of ["%", "%zz", "%C3", "%ff"]) {
    assert.throws(
      () => variableValue({ field: "a", start: 0, end: 1 }, `/${raw}`),
      (thrown) => isFault(thrown) && thrown.reason === "PATH_INVALID",
    );
  }
});
