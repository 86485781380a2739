import type { CallExpression, Expression, MemberExpression, NewExpression } from "oxc-parser";
import { Visitor } from "oxc-parser";
import type { Source } from "./source.ts";
import type { Tree } from "./tree.ts";
import { declaredNames } from "./shapes.ts";
import type { Violation } from "./violation.ts";

type Report = (start: number, message: string) => void;

/** Where one may read the environment and the arguments, and exit. */
const mains = /^(packages\/cli\/|tools\/|packages\/kit\/src\/app\/environment\.ts$|examples\/[^/]+\/(src\/)?([\w-]+-)?main\.ts$)/;

/** What is never written, each with what to write in its place. */
export function bansRule(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const source of tree.sources.values()) {
    const report: Report = (start, message) => void found.push({ rule: "bans", path: source.path, line: source.lineAt(start), message });
    for (const error of source.errors) found.push({ rule: "bans", path: source.path, line: 0, message: `cannot be parsed: ${error}` });
    bannedSyntax(source, report);
    bannedWords(source, report);
    if (source.generated) continue;
    bannedGlobals(source, report);
    if (/\.(test|suite)\.tsx?$/.test(source.path)) bannedInTests(source, report);
  }
  return found;
}

function bannedSyntax(source: Source, report: Report): void {
  new Visitor({
    TSAnyKeyword: (node) => report(node.start, "no any: name the type, or take unknown and narrow it"),
    TSEnumDeclaration: (node) => report(node.start, "no enum: a const object and a union type"),
    TSModuleDeclaration: (node) => {
      if (node.kind === "namespace") report(node.start, "no namespace: a module is one");
    },
    ExportDefaultDeclaration: (node) => {
      if (!source.path.endsWith(".config.ts")) report(node.start, "no default export: name it");
    },
    ExportAllDeclaration: (node) => report(node.start, "no star export: a door lists its names"),
  }).visit(source.program);
}

const emptyName = /^Base[A-Z]|(Manager|Helpers?|Utils?|Impl|Common|Base)$/;
const emptyFile = /(^|\/)(utils?|helpers?|common|misc|impl|base|manager|shared|types)(\/|\.tsx?$)/;

function bannedWords(source: Source, report: Report): void {
  if (emptyFile.test(source.path)) report(0, "an empty name collects unrelated code: name the file for the noun it holds");
  const name = source.path.slice(source.path.lastIndexOf("/") + 1);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(name)) report(0, "file names are kebab-case");
  for (const comment of source.comments) {
    if (/\b(TODO|FIXME|XXX)\b/.test(comment.value)) report(comment.start, "no left-over note: do it or file an issue");
  }
  if (source.generated) return;
  for (const statement of source.program.body) {
    const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : "declare" in statement ? statement : null;
    for (const declared of declaration ? declaredNames(declaration) : []) {
      if (emptyName.test(declared)) report(statement.start, `${declared} says nothing: name it for what it holds`);
    }
  }
}

function bannedGlobals(source: Source, report: Report): void {
  const isMain = mains.test(source.path);
  new Visitor({
    MemberExpression: (node) => {
      const [object, property] = namesOf(node);
      if (object === "console" && !source.path.startsWith("packages/cli/"))
        report(node.start, "no console outside the cli: log through Logger");
      if (object !== "process") return;
      if (property === "exit" && (!isMain || source.test)) report(node.start, "only a main exits: reject, or set process.exitCode");
      if (property === "argv" && !isMain) report(node.start, "only a main reads arguments");
      if (property === "env" && !isMain && !source.test) report(node.start, "only a main reads the environment: take an option");
    },
    ImportDeclaration: (node) => {
      if (node.source.value !== "node:process" || isMain || source.test) return;
      for (const one of node.specifiers) {
        const imported = one.type === "ImportSpecifier" && one.imported.type === "Identifier" ? one.imported.name : "";
        if (["env", "argv", "exit"].includes(imported)) report(node.start, `only a main uses ${imported} of node:process`);
      }
    },
  }).visit(source.program);
}

function namesOf(node: MemberExpression): [string, string] {
  const object = node.object.type === "Identifier" ? node.object.name : "";
  const property = !node.computed && node.property.type === "Identifier" ? node.property.name : "";
  return [object, property];
}

const testNames = new Set(["test", "it", "describe", "suite"]);

function bannedInTests(source: Source, report: Report): void {
  new Visitor({
    MemberExpression: (node) => {
      const [object, property] = namesOf(node);
      if (!testNames.has(object)) return;
      if (property === "only") report(node.start, "no .only: every test runs");
      if (property === "skip" || property === "todo")
        report(node.start, `no .${property}: give { skip: "reason and how to switch it on" }`);
    },
    CallExpression: (node) => {
      for (const option of optionsOf(node)) judgeOption(option, report);
      const [object, property] = node.callee.type === "MemberExpression" ? namesOf(node.callee) : ["", ""];
      if (object === "t" && property === "skip" && node.arguments.length === 0) report(node.start, "a skip carries its reason");
    },
    ImportDeclaration: (node) => {
      if (node.source.value === "node:timers/promises") report(node.start, "no sleeps in tests: wait for the event, with a deadline");
    },
    NewExpression: (node) => {
      if (isSleep(node)) report(node.start, "no sleeps in tests: wait for the event, with a deadline");
    },
  }).visit(source.program);
}

interface TestOption {
  readonly name: string;
  readonly value: Expression;
}

function optionsOf(call: CallExpression): TestOption[] {
  if (call.callee.type !== "Identifier" || !testNames.has(call.callee.name)) return [];
  return call.arguments.flatMap((argument) =>
    argument.type === "ObjectExpression"
      ? argument.properties.flatMap((one) =>
          one.type === "Property" && one.key.type === "Identifier" ? [{ name: one.key.name, value: one.value as Expression }] : [],
        )
      : [],
  );
}

function judgeOption(option: TestOption, report: Report): void {
  const isTrue = option.value.type === "Literal" && option.value.value === true;
  if (option.name === "only") report(option.value.start, "no only: every test runs");
  if (option.name === "todo") report(option.value.start, "no todo: write the test");
  if (option.name === "skip" && isTrue) report(option.value.start, "a skip carries its reason");
}

/** `new Promise((resolve) => setTimeout(resolve, …))`: the promise waits for time and for nothing else. */
function isSleep(node: NewExpression): boolean {
  const [executor] = node.arguments;
  if (node.callee.type !== "Identifier" || node.callee.name !== "Promise" || executor?.type !== "ArrowFunctionExpression") return false;
  const [resolve] = executor.params;
  if (resolve?.type !== "Identifier") return false;
  const statements = executor.body.type === "BlockStatement" ? executor.body.body : [];
  const only = executor.body.type === "BlockStatement" ? (statements.length === 1 ? statements[0] : undefined) : executor.body;
  const expression = only?.type === "ExpressionStatement" ? only.expression : only;
  const call = expression?.type === "UnaryExpression" ? expression.argument : expression;
  if (call?.type !== "CallExpression" || call.callee.type !== "Identifier" || call.callee.name !== "setTimeout") return false;
  const [action] = call.arguments;
  return action?.type === "Identifier" && action.name === resolve.name;
}
