import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRouteTable, hostOf, pathOf } from "./route-table.ts";

const table = createRouteTable([
  { host: "", pathPrefix: "/", name: "root" },
  { host: "", pathPrefix: "/v1/feed", name: "feed" },
  { host: "shop.test", pathPrefix: "/v1", name: "shop" },
  { host: "shop.test", pathPrefix: "/v1/feed", name: "shop-feed" },
  { host: "", pathPrefix: "/v1/feed/live/", name: "live" },
]);

test("route table matches the longest prefix on segment borders", () => {
  const cases: [authority: string, target: string, name: string][] = [
    ["a.test", "/", "root"],
    ["a.test", "/v1/feeds", "root"],
    ["a.test", "/v1/feed", "feed"],
    ["a.test", "/v1/feed?x=/live", "feed"],
    ["a.test", "/v1/feed/", "feed"],
    ["a.test", "/v1/feed/x/y/z", "feed"],
    ["a.test", "/v1/feed/live", "live"],
    ["a.test", "/v1/feed/live/1", "live"],
    ["a.test", "/v1/feed/liv", "feed"],
    ["a.test", "//v1/feed", "root"],
    ["shop.test", "/v1/other", "shop"],
    ["SHOP.test:8080", "/v1/feed", "shop-feed"],
    ["shop.test.", "/v1/feed/live", "live"],
    ["shop.test", "/", "root"],
  ];
  for (const [authority, target, name] of cases) assert.equal(table.match(authority, target)?.name, name, `${authority} ${target}`);
});

test("route table answers nothing when no prefix fits or the target is no path", () => {
  const one = createRouteTable([{ host: "", pathPrefix: "/v1", name: "one" }]);
  for (const target of ["/", "/v2", "/v", "/v1x", "*", ""]) assert.equal(one.match("a", target), undefined, target);
});

test("route table agrees with the plain reading of the rule on random paths", () => {
  const path = fc
    .array(fc.constantFrom("a", "b", "ab", "v1", "c", "d", "e", "f", ""), { maxLength: 5 })
    .map((names) => `/${names.join("/")}`);
  const prefix = fc
    .tuple(fc.array(fc.constantFrom("a", "b", "ab", "v1", "c", "d", "e", "f"), { maxLength: 4 }), fc.boolean())
    .map(([names, slash]) => `/${names.join("/")}${slash && names.length > 0 ? "/" : ""}`);
  const host = fc.constantFrom("", "h", "i");
  const trim = (prefix: string): string => (prefix.length > 1 && prefix.endsWith("/") ? prefix.slice(0, -1) : prefix);
  fc.assert(
    fc.property(fc.array(fc.record({ host, pathPrefix: prefix }), { maxLength: 30 }), host, path, (routes, asked, target) => {
      const fits = routes
        .map((route) => ({ ...route, prefix: trim(route.pathPrefix) }))
        .filter(
          ({ host, prefix }) => (host === "" || host === asked) && (prefix === "/" || target === prefix || target.startsWith(`${prefix}/`)),
        )
        .sort((a, b) => a.prefix.length - b.prefix.length || a.host.length - b.host.length);
      const found = createRouteTable(routes).match(asked, target);
      const best = fits.at(-1);
      assert.deepEqual(found && [found.host, trim(found.pathPrefix)], best && [best.host, best.prefix]);
    }),
  );
});

test("route table stays quick on hostile paths", () => {
  const deep = createRouteTable([{ host: "", pathPrefix: "/a/b/c/d", name: "deep" }]);
  const target = "/".repeat(8000);
  const begun = performance.now();
  for (let index = 0; index < 10_000; index++) assert.equal(deep.match("a", target), undefined);
  assert.ok(performance.now() - begun < 500);
});

test("host of an authority loses port, case and the root's dot", () => {
  const cases = { "A.test:80": "a.test", "a.test": "a.test", "[::1]:80": "[::1]", "[::1]": "[::1]", "a.": "a", "": "" };
  for (const [authority, host] of Object.entries(cases)) assert.equal(hostOf(authority), host);
  assert.equal(pathOf("/a?b"), "/a");
});
