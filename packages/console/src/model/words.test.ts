import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Key } from "../words/en.ts";
import { en } from "../words/en.ts";
import { createWords, dictionaries, gapsOf, languageFrom } from "./words.ts";

const source = join(import.meta.dirname, "..");

test("dictionaries have the same keys and the same gaps in every language", () => {
  for (const [language, dictionary] of Object.entries(dictionaries)) {
    assert.deepEqual(Object.keys(dictionary).toSorted(), Object.keys(en).toSorted(), language);
    for (const key of Object.keys(en) as Key[]) {
      assert.deepEqual(gapsOf(dictionary[key]), gapsOf(en[key]), `${language} ${key}`);
      assert.notEqual(dictionary[key].trim(), "", `${language} ${key} is empty`);
    }
  }
});

test("dictionary of Chinese leaves nothing in English but names and signs", () => {
  const latin = /[A-Za-z]{3,}/g;
  const names = new Set(["weir", "dev", "Shift", "Page", "Enter", "Esc"]);
  for (const [key, text] of Object.entries(dictionaries.zh)) {
    const words = text.replaceAll(/\{[^}]*\}/g, "").match(latin) ?? [];
    assert.deepEqual(
      words.filter((word) => !names.has(word)),
      [],
      key,
    );
  }
});

test("dictionary holds no text that nothing says", () => {
  const texts = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.parentPath.endsWith("words") && !/\.test\./.test(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .join("\n");
  const families = [...texts.matchAll(/[`"](\w+\.)(?:\w*)\$\{/g)].map((match) => match[1] ?? "");
  const unsaid = Object.keys(en).filter((key) => !texts.includes(`"${key}"`) && !families.some((family) => key.startsWith(family)));
  assert.deepEqual(unsaid, []);
});

test("words fill their gaps and pick the form by number", () => {
  const words = createWords("en");
  assert.equal(words.say("weights.planes", { count: 1, total: 1 }), "1 of 1 data plane");
  assert.equal(words.say("weights.planes", { count: 1200, total: 2000 }), "1,200 of 2,000 data planes");
  assert.equal(words.say("rail.stop", {}), "Propose {share}");
  assert.equal(createWords("zh").say("weights.planes", { count: 1, total: 2 }), "1 / 2 个数据面");
});

test("language is the chosen one, else the first of the browser's that there is", () => {
  assert.equal(languageFrom("zh", ["en-GB"]), "zh");
  assert.equal(languageFrom(undefined, ["de-DE", "zh-TW", "en"]), "zh");
  assert.equal(languageFrom(undefined, ["de-DE", "en-US", "zh"]), "en");
  assert.equal(languageFrom(undefined, ["de-DE"]), "en");
});
