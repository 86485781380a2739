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
    const lines = source.text.split("\n").length - (source.text.endsWith("\n") ? 1 : 0);
    if (lines > fileLinesMax)
      found.push({ rule: "file size", path: source.path, line: 0, message: `at most ${fileLinesMax} lines, found ${lines}` });
    found.push(...longFunctions(source));
  }
  return found;
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
