import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { parsePathTemplate, variableValue } from "./path-template.ts";
import type { RouteTrie } from "./route-trie.ts";
import { addRoute, createRouteTrie, findRoute } from "./route-trie.ts";

function trieOf(...rules: string[]): RouteTrie<string> {
  const trie = createRouteTrie<string>();
  for (const rule of rules) {
    const [method = "", path = ""] = rule.split(" ");
    addRoute(trie, method, { template: parsePathTemplate(path), value: rule });
  }
  return trie;
}

/** "GET /template a=1 b=2" for a match, "405 GET,PUT" for other methods, "404". */
function found(trie: RouteTrie<string>, request: string): string {
  const [method = "", path = ""] = request.split(" ");
  const match = findRoute(trie, method, path);
  if (match === undefined) return "404";
  if (match.kind === "other_methods") return `405 ${match.allow.join(",")}`;
  const values = match.leaf.template.variables.map((variable) => ` ${variable.field}=${variableValue(variable, match.path)}`);
  return match.leaf.value + values.join("");
}

test("routes are found by their templates", () => {
  const trie = trieOf(
    "GET /",
    "GET /v1/feed",
    "GET /v1/{kind}",
    "POST /v1/{kind}",
    "GET /v1/{kind}/{id}",
    "GET /v1/films/{id}",
    "DELETE /v1/films/{film}",
    "GET /v1/films/top",
    "GET /v1/{name=shelves/*/books/*}",
    "GET /v1/{name=files/**}",
    "POST /v1/films/{id}:promote",
    "POST /v1/films:batch",
    "PUT /v2/*/x",
    "GET /v2/a/y",
    "GET /all/**",
  );
  const table: [request: string, expected: string][] = [
    ["GET /", "GET /"],
    ["GET /v1/feed", "GET /v1/feed"],
    ["GET /v1/feeds", "GET /v1/{kind} kind=feeds"],
    ["GET /v1/fe%65d", "GET /v1/feed"],
    ["POST /v1/feed", "POST /v1/{kind} kind=feed"],
    ["PUT /v1/feed", "405 GET,POST"],
    ["GET /v1/films/top", "GET /v1/films/top"],
    ["GET /v1/films/9", "GET /v1/films/{id} id=9"],
    ["DELETE /v1/films/top", "DELETE /v1/films/{film} film=top"],
    ["GET /v1/songs/9", "GET /v1/{kind}/{id} kind=songs id=9"],
    ["GET /v1/caf%C3%A9/a%2Fb", "GET /v1/{kind}/{id} kind=café id=a/b"],
    ["GET /v1/shelves/1/books/2", "GET /v1/{name=shelves/*/books/*} name=shelves/1/books/2"],
    ["GET /v1/shelves/1/books", "404"],
    ["GET /v1/files/a/b/c.txt", "GET /v1/{name=files/**} name=files/a/b/c.txt"],
    ["GET /v1/files", "GET /v1/{name=files/**} name=files"],
    ["POST /v1/films/9:promote", "POST /v1/films/{id}:promote id=9"],
    ["POST /v1/films:batch", "POST /v1/films:batch"],
    ["GET /v1/films/9:promote", "GET /v1/films/{id} id=9:promote"],
    ["GET /v1/films/urn:isbn:9", "GET /v1/films/{id} id=urn:isbn:9"],
    ["POST /v1/films/9", "405 DELETE,GET"],
    ["PUT /v2/a/x", "PUT /v2/*/x"],
    ["GET /v2/a/y", "GET /v2/a/y"],
    ["GET /v2/a/x", "405 PUT"],
    ["GET /v2/b/y", "404"],
    ["GET /all", "GET /all/**"],
    ["GET /all/a/b", "GET /all/**"],
    ["GET /v1/feed/", "404"],
    ["GET /v1/", "404"],
    ["GET //v1/feed", "404"],
    ["GET /v1//9", "404"],
    ["GET /nothing", "404"],
    ["GET *", "404"],
  ];
  for (const [request, expected] of table) assert.equal(found(trie, request), expected, request);
});

test("rules of one shape and method are refused, of two methods not", () => {
  for (const [one, other] of [
    ["GET /v1/{a}", "GET /v1/{b}"],
    ["GET /v1/{a=x/*}", "GET /v1/x/{b}"],
    ["GET /v1/a", "GET /v1/a"],
    ["GET /v1/{a=**}", "GET /v1/**"],
    ["POST /v1/{a}:go", "POST /v1/*:go"],
  ] as const) {
    assert.throws(
      () => trieOf(one, other),
      (thrown) => {
        assert.ok(isFault(thrown) && thrown.reason === "ROUTE_CONFLICT");
        return thrown.message.includes(one) && thrown.message.includes(other);
      },
    );
  }
  trieOf("GET /v1/{a}", "POST /v1/{b}", "GET /v1/{a}:x", "GET /v1/a");
});

test("a long path of alternatives is searched in time bounded by the rules", () => {
  const rules: string[] = [];
  for (let bits = 0; bits < 1024; bits++) {
    const segments = Array.from({ length: 10 }, (_, place) => ((bits >> place) & 1 ? "a" : "*"));
    rules.push(`GET /${segments.join("/")}/${bits}`);
  }
  const trie = trieOf(...rules);
  const startMs = performance.now();
  for (let round = 0; round < 20; round++) assert.equal(found(trie, `GET /${"a/".repeat(10)}none`), "404");
  assert.ok(performance.now() - startMs < 2000);
});
