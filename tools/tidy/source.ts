import { parseSync, Visitor } from "oxc-parser";
import type { Comment, Program } from "oxc-parser";

/** One import or re-export. `kind` "type" is erased at run time; "reference" is a file named by a URL or by a string. */
export interface Import {
  /** The file that imports. */
  readonly from: string;
  readonly specifier: string;
  readonly kind: "value" | "type" | "dynamic" | "reference";
  readonly line: number;
}

/** One parsed TypeScript file. `path` is relative to the root, with forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
  /** What the parser refused; the rest of a refused file is not judged. */
  readonly errors: readonly string[];
  /** Whether it is a test, or something that only tests use. */
  readonly test: boolean;
  /** Whether it was written by `weir gen`. */
  readonly generated: boolean;
  /** The line, from 1, of an offset. */
  lineAt(offset: number): number;
}

const testPath = /\.(test|suite|fixture|load)\.tsx?$|\/(fixtures|testdata)\//;

/** Parses one file; what cannot be parsed comes back with `errors` and without imports. */
export function sourceFrom(path: string, text: string): Source {
  const result = parseSync(path, text);
  const lineAt = lineFinder(text);
  return {
    path,
    text,
    program: result.program,
    comments: result.comments,
    imports: importsOf(path, result.program, lineAt),
    errors: result.errors.map((error) => error.message),
    test: testPath.test(path),
    generated: path.endsWith(".weir.ts"),
    lineAt,
  };
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let index = text.indexOf("\n"); index >= 0; index = text.indexOf("\n", index + 1)) starts.push(index + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}

function importsOf(path: string, program: Program, lineAt: (offset: number) => number): Import[] {
  const found: Import[] = [];
  const add = (specifier: string, kind: Import["kind"], start: number): void =>
    void found.push({ from: path, specifier, kind, line: lineAt(start) });
  new Visitor({
    ImportDeclaration: (node) => add(node.source.value, node.importKind === "type" ? "type" : "value", node.start),
    ExportNamedDeclaration: (node) => {
      if (node.source) add(node.source.value, node.exportKind === "type" ? "type" : "value", node.start);
    },
    ExportAllDeclaration: (node) => add(node.source.value, node.exportKind === "type" ? "type" : "value", node.start),
    ImportExpression: (node) => {
      if (node.source.type === "Literal" && typeof node.source.value === "string") add(node.source.value, "dynamic", node.start);
    },
    TSImportType: (node) => add(node.source.value, "type", node.start),
    Literal: (node) => {
      if (typeof node.value === "string" && /^[\w@./-]+\.(ts|tsx|mjs|css)$/.test(node.value)) add(node.value, "reference", node.start);
    },
  }).visit(program);
  return found.filter(
    (one) =>
      one.kind !== "reference" ||
      !found.some((other) => other !== one && other.kind !== "reference" && other.line === one.line && other.specifier === one.specifier),
  );
}
