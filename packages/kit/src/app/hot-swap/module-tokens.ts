/** A piece of JavaScript; comments and blanks are between them. */
export interface Token {
  readonly kind: "word" | "punctuation" | "string" | "number" | "template" | "regex";
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How many brackets are open around it. */
  readonly depth: number;
  /** Whether a line ends between it and the token before. */
  readonly newLine: boolean;
}

/** Words after which a slash begins a regular expression. */
const beforeExpression = new Set(
  "return typeof case do else in instanceof new void delete throw yield await of extends default".split(" "),
);
const headWords = new Set(["if", "while", "for", "with"]);
const wordPattern = /(?:[\p{ID_Continue}$#@]|\\u\{[\da-fA-F]+\}|\\u[\da-fA-F]{4})+/uy;
const plainWordPattern = /[\p{ID_Start}$_#@][\p{ID_Continue}$]*/uy;
const numberPattern = /(?:0[xXoObB][\da-fA-F_]+n?|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?[\d_]+)?n?)/y;
const blankPattern = /(?:\s|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)*/y;
const stringPattern = /"(?:[^"\\\n\r]|\\(?:\r\n|[^]))*"|'(?:[^'\\\n\r]|\\(?:\r\n|[^]))*'/y;
const regexPattern = /\/(?:[^/\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*\])+\/[\p{ID_Continue}$]*/uy;
const punctuationPattern = /=>|\.\.\.|\+\+|--|\?\.(?!\d)|[^]/uy;
const templateTextPattern = /(?:[^`\\$]|\\[^]|\$(?!\{))*/y;

interface Open {
  readonly text: string;
  /** After its end a slash divides. */
  readonly value: boolean;
}

/**
 * Cuts a module into tokens, enough to find its imports and exports: it checks nothing. Whether a slash divides or begins a regular
 * expression follows from the token before, by the rules that all such lexers use.
 */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  const open: Open[] = [];
  let valueBefore = false;
  let at = source.startsWith("#!") ? Math.max(0, source.indexOf("\n")) : 0;
  let newLine = true;
  const add = (kind: Token["kind"], text: string): void => {
    const closes = kind === "punctuation" && (text === ")" || text === "]" || text === "}");
    const depth = open.length - (closes ? 1 : 0);
    tokens.push({ kind, text, start: at, end: at + text.length, depth: Math.max(0, depth), newLine });
    at += text.length;
    newLine = false;
  };
  for (;;) {
    const blank = matchAt(blankPattern, source, at) ?? "";
    newLine ||= /[\n\r\u2028\u2029]/.test(blank);
    at += blank.length;
    const first = source[at];
    if (first === undefined) return tokens;
    const before = tokens.at(-1);
    if (first === "`" || (first === "}" && open.at(-1)?.text === "`")) {
      if (first === "}") open.pop();
      const inner = matchAt(templateTextPattern, source, at + 1) ?? "";
      const end = source[at + 1 + inner.length];
      add("template", first + inner + (end === "`" ? "`" : "${"));
      valueBefore = end === "`";
      if (end !== "`") open.push({ text: "`", value: true });
      continue;
    }
    const regex: string | undefined = first === "/" && !valueBefore ? matchAt(regexPattern, source, at) : undefined;
    const found: string | undefined = regex ?? matchAt(stringPattern, source, at);
    const number: string | undefined = found === undefined ? matchAt(numberPattern, source, at) : undefined;
    const word: string | undefined = found === undefined && number === undefined ? wordAt(source, at) : undefined;
    if (found !== undefined || number !== undefined) {
      add(regex !== undefined ? "regex" : number !== undefined ? "number" : "string", found ?? number ?? "");
      valueBefore = true;
    } else if (word !== undefined) {
      const isName = before?.text === "." || before?.text === "?.";
      add("word", word);
      valueBefore = isName || !beforeExpression.has(word);
    } else valueBefore = punctuation({ source, at, tokens, open, valueBefore }, add);
  }
}

interface Place {
  readonly source: string;
  readonly at: number;
  readonly tokens: readonly Token[];
  readonly open: Open[];
  readonly valueBefore: boolean;
}

/** Answers whether a slash after it divides. */
function punctuation({ source, at, tokens, open, valueBefore }: Place, add: (kind: "punctuation", text: string) => void): boolean {
  const text = matchAt(punctuationPattern, source, at) ?? "";
  const before = tokens.at(-1);
  if (text === "(") {
    const isHead = before?.kind === "word" && headWords.has(before.text) && tokens.at(-2)?.text !== ".";
    add("punctuation", text);
    open.push({ text, value: !isHead });
    return false;
  }
  if (text === "[" || text === "{") {
    // A brace where a value is awaited opens an object, anywhere else a block.
    const isBlock = text === "{" && (before === undefined || valueBefore || [";", "{", "}", "=>", ")"].includes(before.text));
    add("punctuation", text);
    open.push({ text, value: !isBlock });
    return false;
  }
  if (text === ")" || text === "]" || text === "}") {
    const opened = open.at(-1);
    add("punctuation", text);
    open.pop();
    return opened?.value ?? true;
  }
  add("punctuation", text);
  return text === "++" || text === "--" ? valueBefore : false;
}

function wordAt(source: string, at: number): string | undefined {
  const plain = matchAt(plainWordPattern, source, at);
  // Only names with escapes need the pattern that takes them.
  return plain !== undefined && source[at + plain.length] !== "\\" ? plain : (matchAt(wordPattern, source, at) ?? plain);
}

function matchAt(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}
