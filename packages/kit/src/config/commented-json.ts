import type { JsonValue } from "../contract/contract.ts";

/** What a text holds. */
export interface CommentedJson {
  readonly value: JsonValue;
  /** Line of each key by its path, "cache.ttlMs"; the first is 1. */
  readonly lines: ReadonlyMap<string, number>;
}

const depthMax = 100;
const bareShape = /[^\s,:{}[\]"/]+/y;
const numberShape = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
// Text without quotes, backslashes and control characters needs no second look.
const plainShape = /[ !#-[\]-\uffff]*/y;

/**
 * Reads JSON (RFC 8259) in which comments (`//` and `/* … *\/`) and a comma behind the last item are allowed. A key that stands
 * twice in one object is refused, and so is nesting deeper than 100. Throws SyntaxError with line and column; it never quotes
 * more of the text than one character or a key, because the text may hold secrets.
 */
export function parseCommentedJson(text: string): CommentedJson {
  const reader = new Reader(text);
  const value = reader.whole();
  return { value, lines: reader.lines };
}

class Reader {
  readonly lines = new Map<string, number>();
  readonly #text: string;
  #at = 0;
  #line = 1;
  #counted = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): JsonValue {
    this.#skip();
    const value = this.#value("", 0);
    this.#skip();
    if (this.#at < this.#text.length) throw this.#unexpected("the end");
    return value;
  }

  #value(path: string, depth: number): JsonValue {
    if (depth > depthMax) throw this.#unexpected(`at most ${depthMax} levels`);
    const first = this.#text[this.#at];
    if (first === "{") return this.#object(path, depth);
    if (first === "[") return this.#list(path, depth);
    if (first === '"') return this.#string();
    return this.#bare();
  }

  #object(path: string, depth: number): JsonValue {
    const entries = new Map<string, JsonValue>();
    this.#at++;
    for (;;) {
      this.#skip();
      if (this.#take("}")) return Object.fromEntries(entries);
      if (this.#text[this.#at] !== '"') throw this.#unexpected('a key in quotes or "}"');
      const line = this.#lineHere();
      const key = this.#string();
      if (entries.has(key)) throw new SyntaxError(`line ${line}: expected each key once, found ${JSON.stringify(key.slice(0, 80))} again`);
      this.#skip();
      if (!this.#take(":")) throw this.#unexpected('":"');
      this.#skip();
      const inside = path === "" ? key : `${path}.${key}`;
      this.lines.set(inside, line);
      entries.set(key, this.#value(inside, depth + 1));
      this.#skip();
      if (!this.#take(",") && this.#text[this.#at] !== "}") throw this.#unexpected('"," or "}"');
    }
  }

  #list(path: string, depth: number): JsonValue {
    const items: JsonValue[] = [];
    this.#at++;
    for (;;) {
      this.#skip();
      if (this.#take("]")) return items;
      items.push(this.#value(`${path}[${items.length}]`, depth + 1));
      this.#skip();
      if (!this.#take(",") && this.#text[this.#at] !== "]") throw this.#unexpected('"," or "]"');
    }
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      plainShape.lastIndex = this.#at;
      plainShape.test(this.#text);
      this.#at = plainShape.lastIndex;
      const next = this.#text[this.#at];
      if (next === '"') break;
      if (next !== "\\") throw this.#unexpected("the end of a text");
      this.#at += 2;
    }
    this.#at++;
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      this.#at = start;
      throw this.#unexpected("a text with valid escapes");
    }
  }

  #bare(): JsonValue {
    bareShape.lastIndex = this.#at;
    const word = bareShape.exec(this.#text)?.[0] ?? "";
    if (word === "true" || word === "false") {
      this.#at += word.length;
      return word === "true";
    }
    if (word === "null") {
      this.#at += word.length;
      return null;
    }
    const value = numberShape.test(word) ? Number(word) : Number.NaN;
    if (!Number.isFinite(value)) throw this.#unexpected("a value");
    this.#at += word.length;
    return value;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** Passes over white space and comments. */
  #skip(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d) this.#at++;
      else if (this.#text.startsWith("//", this.#at)) this.#skipTo("\n");
      else if (this.#text.startsWith("/*", this.#at)) this.#skipTo("*/");
      else return;
    }
  }

  #skipTo(end: string): void {
    const found = this.#text.indexOf(end, this.#at + 2);
    if (found === -1 && end !== "\n") throw this.#unexpected("the end of a comment");
    this.#at = found === -1 ? this.#text.length : found + end.length;
  }

  #lineHere(): number {
    for (; this.#counted < this.#at; this.#counted++) if (this.#text.charCodeAt(this.#counted) === 0x0a) this.#line++;
    return this.#line;
  }

  #unexpected(expected: string): SyntaxError {
    const line = this.#lineHere();
    const column = this.#at - this.#text.lastIndexOf("\n", Math.max(0, this.#at - 1));
    const found = this.#at >= this.#text.length ? "the end of the text" : JSON.stringify(this.#text[this.#at]);
    return new SyntaxError(`line ${line}, column ${column}: expected ${expected}, found ${found}`);
  }
}
