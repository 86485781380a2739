/** Code points, as pairs of first and last in rising order. */
export type Ranges = readonly (readonly [number, number])[];

/** A pattern in the syntax of RE2, taken apart. `source` is how it is written in JavaScript with the flag u. */
export type PatternTree =
  | { readonly kind: "one"; readonly ranges: Ranges; readonly source: string }
  | { readonly kind: "edge"; readonly source: "^" | "$" | "\\b" | "\\B" }
  | { readonly kind: "all"; readonly parts: readonly PatternTree[] }
  | { readonly kind: "any"; readonly parts: readonly PatternTree[] }
  | { readonly kind: "times"; readonly part: PatternTree; readonly min: number; readonly max: number; readonly lazy: boolean };

/** A pattern and the flags in front of it. */
export interface Pattern {
  readonly tree: PatternTree;
  readonly ignoresCase: boolean;
  readonly isMultiline: boolean;
}

const last = 0x10ffff;
const digits: Ranges = [[48, 57]];
const spaces: Ranges = [
  [9, 10],
  [12, 13],
  [32, 32],
];
const wordCharacters: Ranges = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const classes: Readonly<Record<string, Ranges>> = { d: digits, s: spaces, w: wordCharacters };
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, a: 7 };
const named: Readonly<Record<string, Ranges>> = {
  alnum: [...digits, [65, 90], [97, 122]],
  alpha: [
    [65, 90],
    [97, 122],
  ],
  ascii: [[0, 127]],
  blank: [
    [9, 9],
    [32, 32],
  ],
  cntrl: [
    [0, 31],
    [127, 127],
  ],
  digit: digits,
  graph: [[33, 126]],
  lower: [[97, 122]],
  print: [[32, 126]],
  punct: [
    [33, 47],
    [58, 64],
    [91, 96],
    [123, 126],
  ],
  space: [
    [9, 13],
    [32, 32],
  ],
  upper: [[65, 90]],
  word: wordCharacters,
  xdigit: [...digits, [65, 70], [97, 102]],
};

/** Takes a pattern apart. Throws a SyntaxError for what RE2 does not have, and for the few things of RE2 that are not done here. */
export function parsePattern(text: string): Pattern {
  const flags = /^\(\?([ism]+)\)/.exec(text);
  const reader = new PatternReader(Array.from(text.slice(flags?.[0].length ?? 0)), flags?.[1]?.includes("s") ?? false);
  return {
    tree: reader.whole(),
    ignoresCase: flags?.[1]?.includes("i") ?? false,
    isMultiline: flags?.[1]?.includes("m") ?? false,
  };
}

/** Everything but these. */
export function othersThan(ranges: Ranges): Ranges {
  const found: [number, number][] = [];
  let next = 0;
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    if (from > next) found.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  if (next <= last) found.push([next, last]);
  return found;
}

class PatternReader {
  #at = 0;
  #depth = 0;
  readonly #text: readonly string[];
  readonly #dotIsAll: boolean;

  constructor(text: readonly string[], dotIsAll: boolean) {
    this.#text = text;
    this.#dotIsAll = dotIsAll;
  }

  whole(): PatternTree {
    const tree = this.#alternatives();
    if (this.#at < this.#text.length) throw new SyntaxError("a ) without a (");
    return tree;
  }

  #alternatives(): PatternTree {
    if (++this.#depth > 50) throw new SyntaxError("more than 50 groups in each other");
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    this.#depth--;
    return parts.length === 1 ? (parts[0] as PatternTree) : { kind: "any", parts };
  }

  #sequence(): PatternTree {
    const parts: PatternTree[] = [];
    while (this.#at < this.#text.length && this.#next !== "|" && this.#next !== ")") parts.push(this.#repeated(this.#atom()));
    return { kind: "all", parts };
  }

  #repeated(part: PatternTree): PatternTree {
    const counts = this.#counts();
    if (counts === undefined) return part;
    if (part.kind === "edge") throw new SyntaxError("a repeated edge");
    const tree: PatternTree = { kind: "times", part, min: counts[0], max: counts[1], lazy: this.#take("?") };
    if (this.#counts() !== undefined) throw new SyntaxError("a repetition of a repetition");
    return tree;
  }

  #counts(): readonly [number, number] | undefined {
    if (this.#take("*")) return [0, Infinity];
    if (this.#take("+")) return [1, Infinity];
    if (this.#take("?")) return [0, 1];
    const found = /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(this.#text.slice(this.#at, this.#at + 12).join(""));
    if (found === null) return undefined;
    this.#at += found[0].length;
    const min = Number(found[1]);
    const max = found[2] === "" ? min : found[3] === "" ? Infinity : Number(found[3]);
    if (min > 1000 || (max !== Infinity && (max > 1000 || max < min))) throw new SyntaxError("a count that is not within 0 to 1000");
    return [min, max];
  }

  #atom(): PatternTree {
    const character = this.#text[this.#at++] as string;
    if (character === "(") return this.#group();
    if (character === "[") return oneOf(this.#class());
    if (character === "\\") return this.#escape();
    if (character === "^" || character === "$") return { kind: "edge", source: character };
    if (character === ".") return oneOf(this.#dotIsAll ? [[0, last]] : othersThan([[10, 10]]));
    if ("*+?".includes(character)) throw new SyntaxError("a repetition of nothing");
    return literal(character.codePointAt(0) as number);
  }

  #group(): PatternTree {
    const head = /^\?(?::|P?<\w+>)/.exec(this.#text.slice(this.#at, this.#at + 80).join(""));
    if (head !== null) this.#at += head[0].length;
    else if (this.#next === "?") throw new SyntaxError("a group that looks around, or flags within the pattern");
    const tree = this.#alternatives();
    if (!this.#take(")")) throw new SyntaxError("a ( without a )");
    return tree;
  }

  #escape(): PatternTree {
    const character = this.#text[this.#at++] ?? "";
    if (character === "A") return { kind: "edge", source: "^" };
    if (character === "z") return { kind: "edge", source: "$" };
    if (character === "b" || character === "B") return { kind: "edge", source: `\\${character}` };
    const ranges = this.#escapedClass(character);
    return ranges === undefined ? literal(this.#escapedCharacter(character)) : oneOf(ranges);
  }

  #escapedClass(character: string): Ranges | undefined {
    const ranges = classes[character.toLowerCase()];
    if (ranges === undefined) return undefined;
    return character === character.toLowerCase() ? ranges : othersThan(ranges);
  }

  #escapedCharacter(character: string): number {
    const control = controls[character];
    if (control !== undefined) return control;
    const hex = /^(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/.exec(this.#text.slice(this.#at, this.#at + 8).join(""));
    if (character === "x" && hex !== null) {
      this.#at += hex[0].length;
      const code = Number.parseInt(hex[1] ?? hex[2] ?? "", 16);
      if (code <= last) return code;
    }
    if (!/^[!-/:-@[-`{-~]$/.test(character)) throw new SyntaxError(`\\${character}`);
    return character.codePointAt(0) as number;
  }

  #class(): Ranges {
    const isNegated = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    for (let first = true; first || this.#next !== "]"; first = false) {
      if (this.#at >= this.#text.length) throw new SyntaxError("a [ without a ]");
      const from = this.#classPart();
      if (typeof from !== "number") {
        ranges.push(...from);
        continue;
      }
      const isRange = this.#next === "-" && this.#text[this.#at + 1] !== "]" && this.#at + 1 < this.#text.length;
      if (isRange) this.#at++;
      const to = isRange ? this.#classPart() : from;
      if (typeof to !== "number" || to < from) throw new SyntaxError("a range whose end lies before its begin");
      ranges.push([from, to]);
    }
    this.#at++;
    return isNegated ? othersThan(ranges) : ranges;
  }

  /** One character of a class, or the ranges of a class within it. */
  #classPart(): number | Ranges {
    const name = /^\[:(\^?)(\w+):\]/.exec(this.#text.slice(this.#at, this.#at + 16).join(""));
    if (name !== null) {
      this.#at += name[0].length;
      const ranges = named[name[2] ?? ""];
      if (ranges === undefined) throw new SyntaxError(name[0]);
      return name[1] === "^" ? othersThan(ranges) : ranges;
    }
    const character = this.#text[this.#at++] ?? "";
    if (character !== "\\") return character.codePointAt(0) as number;
    const escaped = this.#text[this.#at++] ?? "";
    return this.#escapedClass(escaped) ?? this.#escapedCharacter(escaped);
  }

  get #next(): string | undefined {
    return this.#text[this.#at];
  }

  #take(character: string): boolean {
    if (this.#next !== character) return false;
    this.#at++;
    return true;
  }
}

function literal(code: number): PatternTree {
  return { kind: "one", ranges: [[code, code]], source: escaped(code) };
}

function oneOf(ranges: Ranges): PatternTree {
  const text = ranges.map(([from, to]) => (from === to ? escaped(from) : `${escaped(from)}-${escaped(to)}`)).join("");
  return { kind: "one", ranges, source: `[${text}]` };
}

function escaped(code: number): string {
  const character = String.fromCodePoint(code);
  return /^[\w ]$/.test(character) ? character : `\\u{${code.toString(16)}}`;
}
