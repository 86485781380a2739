import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const sheets = import.meta.dirname;
const tokens = readFileSync(join(sheets, "tokens.css"), "utf8");

/** Colours of the tokens in one scheme, by name. */
function colorsOf(scheme: "light" | "dark"): Map<string, string> {
  const pairs = tokens.matchAll(/--([\w-]+): (?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));/g);
  return new Map([...pairs].map((match) => [match[1] ?? "", match[4] ?? (scheme === "light" ? match[2] : match[3]) ?? ""]));
}

/** Relative luminance, WCAG 2.2. */
function luminanceOf(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrastOf(one: string, other: string): number {
  const [low = 0, high = 0] = [luminanceOf(one), luminanceOf(other)].toSorted((left, right) => left - right);
  return (high + 0.05) / (low + 0.05);
}

const text: readonly (readonly [ink: string, grounds: readonly string[]])[] = [
  ["ink", ["paper", "surface", "sunken", "raised", "accent-soft", "good-soft", "warn-soft", "bad-soft"]],
  ["ink-2", ["paper", "surface", "sunken", "raised", "accent-soft", "warn-soft", "bad-soft"]],
  ["ink-3", ["paper", "surface", "sunken"]],
  ["accent", ["paper", "surface", "accent-soft"]],
  ["on-accent", ["accent", "accent-strong"]],
  ["surface", ["ink", "ink-2"]],
  ["good", ["paper", "surface", "good-soft"]],
  ["warn", ["paper", "surface", "warn-soft"]],
  ["bad", ["paper", "surface", "bad-soft"]],
];

const signs: readonly (readonly [sign: string, ground: string])[] = [
  ["edge", "surface"],
  ["focus", "surface"],
  ["focus", "paper"],
  ["stable", "surface"],
  ["accent", "surface"],
  ["accent", "stable-soft"],
];

for (const scheme of ["light", "dark"] as const) {
  const colors = colorsOf(scheme);
  const colorOf = (name: string): string => colors.get(name) ?? assert.fail(`no token --${name}`);

  test(`text stands out from its ground when the scheme is ${scheme}`, () => {
    for (const [ink, grounds] of text) {
      for (const ground of grounds) {
        const contrast = contrastOf(colorOf(ink), colorOf(ground));
        assert.ok(contrast >= 4.5, `${ink} on ${ground}: ${contrast.toFixed(2)}, at least 4.5`);
      }
    }
  });

  test(`signs stand out from their ground when the scheme is ${scheme}`, () => {
    for (const [sign, ground] of signs) {
      const contrast = contrastOf(colorOf(sign), colorOf(ground));
      assert.ok(contrast >= 3, `${sign} on ${ground}: ${contrast.toFixed(2)}, at least 3`);
    }
  });

  test(`heat runs one way in lightness when the scheme is ${scheme}`, () => {
    for (const scale of ["heat", "fault", "slow"]) {
      const steps = [0, 1, 2, 3, 4, 5].map((step) => luminanceOf(colorOf(`${scale}-${step}`)));
      const rising = scheme === "dark";
      steps.slice(1).forEach((step, index) => {
        const before = steps[index] ?? 0;
        assert.ok(rising ? step > before : step < before, `${scale}-${index + 1}`);
      });
      const glyph = (step: number): string => colorOf(step > 3 ? "glyph-high" : "glyph-low");
      for (let step = 1; step <= 5; step++) {
        const contrast = contrastOf(glyph(step), colorOf(`${scale}-${step}`));
        assert.ok(contrast >= 3, `glyph on ${scale}-${step}: ${contrast.toFixed(2)}, at least 3`);
      }
    }
  });
}

test("colours are written nowhere but in the tokens", () => {
  for (const name of readdirSync(sheets)) {
    if (!name.endsWith(".css") || name === "tokens.css") continue;
    const found = readFileSync(join(sheets, name), "utf8").match(/#[0-9a-f]{3,8}\b/gi) ?? [];
    assert.deepEqual(found, [], name);
  }
});
