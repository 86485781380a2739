import assert from "node:assert/strict";
import { test } from "node:test";
import { dependenciesRule, pagesRule, placesRule } from "./pages.ts";
import { found } from "./planted.ts";

test("a path of one machine and a package host are found in any text", () => {
  const path = ["", "root", "x"].join("/");
  assert.deepEqual(found(placesRule, { "docs/a.md": `one\n${path}/y` }), [`docs/a.md:2 no path of one machine, found ${path.slice(0, 6)}`]);
  assert.equal(found(placesRule, { "docs/a.md": ["registry", "example", "com"].join(".") }).length, 1);
  const inside = [
    ["examples", "work", "a"],
    [".", "root", "b"],
    ["", "v1", "feed"],
  ].map((parts) => parts.join("/"));
  assert.deepEqual(found(placesRule, { "docs/a.md": inside.join(" and ") }), []);
});

test("a changelog without an Unreleased section is found", () => {
  assert.deepEqual(found(pagesRule, { "CHANGELOG.md": "# Changelog\n" }), ['CHANGELOG.md:0 has no section "## Unreleased"']);
  assert.deepEqual(found(pagesRule, { "CHANGELOG.md": "# Changelog\n\n## Unreleased\n" }), []);
});

test("links that lead nowhere are found, also to headings", () => {
  const pages = {
    "README.md": "[a](docs/a.md) [b](docs/a.md#two-words) [c](https://example.com) [d](docs)",
    "docs/a.md": "## Two words\n[up](../README.md)",
  };
  assert.deepEqual(found(pagesRule, pages), []);
  assert.deepEqual(found(pagesRule, { ...pages, "docs/a.md": "\n[x](b.md)" }), [
    "README.md:1 the link docs/a.md#two-words names a heading that docs/a.md does not have",
    "docs/a.md:2 the link b.md leads nowhere",
  ]);
});

test("every dependency has a line with its reason, and every line a dependency", () => {
  const page = (rows: string): Record<string, string> => ({
    "ARCHITECTURE.md": `## Dependencies\n\n| a | b |\n|---|---|\n${rows}\n\n## Next\n`,
  });
  const all = "| `fast-check` | why |\n| `pg` | why |\n| `kysely` | why |\n| `preact` | why |";
  assert.deepEqual(found(dependenciesRule, page(all)), []);
  assert.deepEqual(found(dependenciesRule, page(all.replace("`kysely`", "`left-pad`"))), [
    "packages/control/package.json:0 kysely has no line with its reason in ARCHITECTURE.md",
    "ARCHITECTURE.md:0 the table names left-pad, which no package.json does",
  ]);
});
