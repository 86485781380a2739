import type { Token } from "./module-tokens.ts";
import { tokensOf } from "./module-tokens.ts";

/** What a module takes from another. */
export interface ModuleImport {
  readonly specifier: string;
  /** "json" for `with { type: "json" }`. */
  readonly type: string | undefined;
  /** Names there and here; "*" is all of it. */
  readonly names: readonly { readonly imported: string; readonly local: string }[];
  /** For `export … from`: names there and as this module exports them; "*" as both for all. */
  readonly exported: readonly { readonly imported: string; readonly name: string }[];
}

/** The imports and exports of a module, and its text as the body of a function. */
export interface ModuleSyntax {
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly { readonly name: string; readonly local: string }[];
  /** As long as the source, each line where it was. A default export is assigned to `__w.default`, `import.meta` is `__w .meta`. */
  readonly body: string;
}

/** What stands where a module cannot be read. */
export class ModuleSyntaxError extends Error {
  /** In characters from the start. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** Reads the imports and exports of a module without types. Throws ModuleSyntaxError; other mistakes are left for the platform to find. */
export function moduleSyntaxFrom(source: string): ModuleSyntax {
  return new Reader(source).read();
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

class Reader {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #imports: ModuleImport[] = [];
  readonly #exports: Mutable<ModuleSyntax>["exports"] = [];
  readonly #changes: { readonly start: number; readonly end: number; readonly text: string }[] = [];
  #index = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokensOf(source);
  }

  read(): ModuleSyntax {
    while (this.#index < this.#tokens.length) {
      const token = this.#token();
      const before = this.#tokens[this.#index - 1]?.text;
      const next = this.#tokens[this.#index + 1]?.text;
      const isStatement = token.kind === "word" && token.depth === 0 && before !== "." && before !== "?.";
      if (token.text === "import" && token.kind === "word" && next === "." && before !== ".") this.#meta();
      else if (isStatement && token.text === "import" && next !== "(") this.#import();
      else if (isStatement && token.text === "export") this.#export();
      else this.#index++;
    }
    return { imports: this.#imports, exports: this.#exports, body: this.#body() };
  }

  #meta(): void {
    const [word, , meta] = this.#tokens.slice(this.#index, this.#index + 3);
    if (word && meta?.text === "meta") this.#changes.push({ start: word.start, end: word.end, text: "__w   " });
    this.#index += 3;
  }

  #import(): void {
    const start = this.#token().start;
    this.#index++;
    const names: { imported: string; local: string }[] = [];
    if (this.#token().kind !== "string") {
      if (this.#token().kind === "word") {
        names.push({ imported: "default", local: this.#word() });
        if (this.#token().text === ",") this.#index++;
      }
      if (this.#token().text === "*") names.push({ imported: "*", local: this.#namespaceName() });
      else if (this.#token().text === "{") for (const [imported, local] of this.#list()) names.push({ imported, local });
      this.#expect("from");
    }
    this.#imports.push({ ...this.#from(), names, exported: [] });
    this.#blankSince(start);
  }

  #export(): void {
    const { start } = this.#token();
    this.#index++;
    const { text } = this.#token();
    if (text === "default") this.#exportDefault(start);
    else if (text === "{" || text === "*") this.#exportList(start);
    else this.#exportDeclaration(start);
  }

  #exportList(start: number): void {
    if (this.#token().text === "*") {
      const name = this.#tokens[this.#index + 1]?.text === "as" ? this.#namespaceName() : (this.#index++, "*");
      this.#expect("from");
      this.#imports.push({ ...this.#from(), names: [], exported: [{ imported: "*", name }] });
    } else {
      const list = this.#list();
      if (this.#tokens[this.#index]?.text === "from") {
        this.#index++;
        this.#imports.push({ ...this.#from(), names: [], exported: list.map(([imported, name]) => ({ imported, name })) });
      } else this.#exports.push(...list.map(([local, name]) => ({ local, name })));
    }
    this.#blankSince(start);
  }

  #exportDefault(start: number): void {
    const end = this.#token().end;
    this.#index++;
    const name = this.#declaredName();
    if (name !== undefined) {
      this.#changes.push({ start, end, text: blank(this.#source.slice(start, end)) });
      this.#exports.push({ name: "default", local: name });
      return;
    }
    const text = blank(this.#source.slice(start, end)).slice("__w.default=".length);
    this.#changes.push({ start, end, text: `__w.default=${text}` });
    this.#exports.push({ name: "default", local: "__w.default" });
  }

  /** The name of a function or class that is declared here. */
  #declaredName(): string | undefined {
    const [first, second, third, fourth] = this.#tokens.slice(this.#index, this.#index + 4);
    if (first?.text === "class") return second?.kind === "word" && second.text !== "extends" ? second.text : undefined;
    const isAsync = first?.text === "async" && second?.text === "function";
    if (!isAsync && first?.text !== "function") return undefined;
    const [name, afterStar] = isAsync ? [third, fourth] : [second, third];
    const found = name?.text === "*" ? afterStar : name;
    return found?.kind === "word" ? found.text : undefined;
  }

  #exportDeclaration(start: number): void {
    const first = this.#token();
    this.#changes.push({ start, end: start + 6, text: blank("export") });
    const name = this.#declaredName();
    if (name !== undefined) {
      this.#exports.push({ name, local: name });
      return;
    }
    if (!["const", "let", "var"].includes(first.text)) throw new ModuleSyntaxError(`unexpected "${first.text}" after export`, first.start);
    do {
      this.#index++;
      const local = this.#token();
      if (local.kind !== "word") throw new ModuleSyntaxError("expected one name for each export, found a pattern", local.start);
      this.#exports.push({ name: local.text, local: local.text });
      this.#index++;
    } while (this.#reachesComma());
  }

  /** Goes to the end of a declared value: to the comma before the next name, or to where the statement ends. */
  #reachesComma(): boolean {
    for (; this.#index < this.#tokens.length; this.#index++) {
      const token = this.#token();
      if (token.depth > 0) {
        if (token.text === "import") return false;
        continue;
      }
      if (token.text === ",") return true;
      if (token.text === ";" || (token.newLine && this.#beginsStatement())) return false;
      if (token.text === "import" || token.text === "export") return false;
    }
    return false;
  }

  /** Whether the platform would put a semicolon before this token, which is the first of its line. */
  #beginsStatement(): boolean {
    const token = this.#token();
    const before = this.#tokens[this.#index - 1];
    if (before?.kind === "punctuation" && ![")", "]", "}", "++", "--"].includes(before.text)) return false;
    if (token.kind === "word") return token.text !== "in" && token.text !== "instanceof";
    return token.kind === "string" || token.kind === "number" || token.text === "{" || token.text === "@";
  }

  /** `{ a, b as c, "d" as e }` as pairs, the first name and the second. */
  #list(): [string, string][] {
    const pairs: [string, string][] = [];
    this.#expect("{");
    while (this.#token().text !== "}") {
      const first = this.#name();
      let second = first;
      if (this.#token().text === "as") {
        this.#index++;
        second = this.#name();
      }
      pairs.push([first, second]);
      if (this.#token().text !== "}") this.#expect(",");
    }
    this.#index++;
    return pairs;
  }

  #namespaceName(): string {
    this.#expect("*");
    this.#expect("as");
    return this.#name();
  }

  #from(): { specifier: string; type: string | undefined } {
    const token = this.#token();
    if (token.kind !== "string") throw new ModuleSyntaxError(`expected the name of a module, found ${token.text}`, token.start);
    this.#index++;
    return { specifier: textOf(token), type: this.#attributeType() };
  }

  #attributeType(): string | undefined {
    const next = this.#tokens[this.#index];
    if (next?.text !== "with" || this.#tokens[this.#index + 1]?.text !== "{") return undefined;
    this.#index += 2;
    let type: string | undefined;
    while (this.#token().text !== "}") {
      const key = this.#name();
      this.#expect(":");
      const value = this.#token();
      if (key === "type") type = textOf(value);
      this.#index++;
      if (this.#token().text === ",") this.#index++;
    }
    this.#index++;
    return type;
  }

  #name(): string {
    const token = this.#token();
    if (token.kind === "string") {
      this.#index++;
      return textOf(token);
    }
    return this.#word();
  }

  #word(): string {
    const token = this.#token();
    if (token.kind !== "word") throw new ModuleSyntaxError(`expected a name, found ${token.text}`, token.start);
    this.#index++;
    return token.text;
  }

  #expect(text: string): void {
    const token = this.#token();
    if (token.text !== text) throw new ModuleSyntaxError(`expected "${text}", found ${token.text}`, token.start);
    this.#index++;
  }

  #token(): Token {
    const token = this.#tokens[this.#index];
    if (!token) throw new ModuleSyntaxError("unexpected end of the module", this.#source.length);
    return token;
  }

  #blankSince(start: number): void {
    const end = this.#tokens[this.#index - 1]?.end ?? start;
    // What stood there ended a statement; what follows must not go on with the one before.
    this.#changes.push({ start, end, text: `;${blank(this.#source.slice(start, end)).slice(1)}` });
  }

  #body(): string {
    const parts: string[] = [];
    let done = 0;
    for (const { start, end, text } of this.#changes.toSorted((left, right) => left.start - right.start)) {
      parts.push(this.#source.slice(done, start), text);
      done = end;
    }
    parts.push(this.#source.slice(done));
    const body = parts.join("");
    return body.startsWith("#!") ? `//${body.slice(2)}` : body;
  }
}

/** Blanks in place of everything but the ends of lines. */
function blank(text: string): string {
  return text.replaceAll(/[^\n\r\u2028\u2029]/g, " ");
}

function textOf(token: Token): string {
  const inner = token.text.slice(1, -1);
  return inner.includes("\\") ? (JSON.parse(`"${inner.replaceAll('"', '\\"')}"`) as string) : inner;
}
