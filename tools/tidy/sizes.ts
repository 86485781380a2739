import type { ArrowFunctionExpression, CallExpression, Function as FunctionNode, Statement } from "oxc-parser";
import { Visitor } from "oxc-parser";
import type { Source } from "./source.ts";
import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

const fileLinesMax = 400;
const functionLinesMax = 70;

/** Files stop at 400 lines, functions at 70. What registers tests is not counted: its cases are. */
export function sizesRule(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const source of tree.sources.values()) {
    if (source.generated) continue;
    const lines = linesOf(source.text);
    if (lines > fileLinesMax) {
      const message = `at most ${fileLinesMax} lines, found ${lines}: what has a name of its own goes into a file of that name`;
      found.push({ rule: "file size", path: source.path, line: 0, message });
    }
    found.push(...longFunctions(source));
  }
  return found;
}

/** What everyone depends on, to be read in ten minutes. */
const coreFiles = ["service", "call", "fault", "clock"].map((name) => `packages/kit/src/${name}.ts`);
const coreLinesMax = 399;

/** The kit's core stays small: all of it together is shorter than one file may be. */
export function coreSizeRule(tree: Tree): Violation[] {
  const lines = coreFiles.reduce((sum, path) => sum + linesOf(tree.sources.get(path)?.text ?? ""), 0);
  if (lines <= coreLinesMax) return [];
  const message = `service, call, fault and clock have at most ${coreLinesMax} lines together, found ${lines}: what not every call needs is a Layer`;
  return [{ rule: "core size", path: "packages/kit/src/call.ts", line: 0, message }];
}

function linesOf(text: string): number {
  return text.split("\n").length - (text === "" || text.endsWith("\n") ? 1 : 0);
}

/** Lines that a package is not to outgrow, without tests and generated code. One that does is two packages, or does too much. */
const packageLinesMax: Readonly<Record<string, number>> = {
  wire: 7_000,
  kit: 16_000,
  api: 3_000,
  gateway: 7_000,
  control: 12_000,
  functions: 4_000,
  connectors: 5_000,
  assure: 10_000,
  console: 7_000,
  cli: 3_000,
};

/** Packages stay within the size that the plan of the house gives them. */
export function packageSizesRule(tree: Tree): Violation[] {
  const lines = new Map<string, number>();
  for (const source of tree.sources.values()) {
    const name = /^packages\/([^/]+)\/src\//.exec(source.path)?.[1];
    if (name === undefined || source.test || source.generated) continue;
    lines.set(name, (lines.get(name) ?? 0) + source.text.split("\n").length - 1);
  }
  return [...lines]
    .filter(([name, count]) => count > (packageLinesMax[name] ?? 0))
    .map(([name, count]) => {
      const message = `at most ${packageLinesMax[name] ?? 0} lines of source, found ${count}`;
      return { rule: "package size", path: `packages/${name}/package.json`, line: 0, message };
    });
}

function longFunctions(source: Source): Violation[] {
  const found: Violation[] = [];
  const judge = (node: FunctionNode | ArrowFunctionExpression): void => {
    const line = source.lineAt(node.start);
    const lines = source.lineAt(node.end) - line + 1;
    if (lines <= functionLinesMax || registersTests(node)) return;
    const name =
      (node.type === "ArrowFunctionExpression" ? undefined : node.id?.name) ??
      source.text.slice(node.start, node.start + 40).split("\n")[0];
    found.push({
      rule: "function size",
      path: source.path,
      line,
      message: `a function has at most ${functionLinesMax} lines, ${name} has ${lines}`,
    });
  };
  new Visitor({ FunctionDeclaration: judge, FunctionExpression: judge, ArrowFunctionExpression: judge }).visit(source.program);
  return found;
}

function registersTests(node: FunctionNode | ArrowFunctionExpression): boolean {
  return node.body?.type === "BlockStatement" && node.body.body.some(isTestCall);
}

function isTestCall(statement: Statement | { type: string }): boolean {
  if (statement.type !== "ExpressionStatement") return false;
  let expression = (statement as Extract<Statement, { type: "ExpressionStatement" }>).expression;
  if (expression.type === "UnaryExpression" && expression.operator === "void") expression = expression.argument;
  if (expression.type !== "CallExpression") return false;
  return testNames.has(calleeName(expression));
}

const testNames = new Set(["test", "it", "describe", "suite"]);

function calleeName(call: CallExpression): string {
  return call.callee.type === "Identifier" ? call.callee.name : "";
}
