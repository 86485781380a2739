import type { Comment, Declaration, ParamPattern, Program, TSInterfaceBody, TSSignature, TSType } from "oxc-parser";
import { Visitor } from "oxc-parser";
import type { Source } from "./source.ts";
import type { Tree } from "./tree.ts";
import { resolveImport } from "./tree.ts";
import type { Violation } from "./violation.ts";

const fieldsMax = 12;
const positionalMax = 2;

/** An options object has at most 12 fields: each one doubles what must be tested. */
export function optionsRule(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const source of tree.sources.values()) {
    if (source.generated) continue;
    const judge = (name: string, members: readonly TSSignature[], start: number): void => {
      if (!name.endsWith("Options") || members.length <= fieldsMax) return;
      found.push({
        rule: "options",
        path: source.path,
        line: source.lineAt(start),
        message: `${name} has ${members.length} fields, at most ${fieldsMax}`,
      });
    };
    new Visitor({
      TSInterfaceDeclaration: (node) => judge(node.id.name, (node.body as TSInterfaceBody).body, node.start),
      TSTypeAliasDeclaration: (node) => {
        if (node.typeAnnotation.type === "TSTypeLiteral") judge(node.id.name, node.typeAnnotation.members, node.start);
      },
    }).visit(source.program);
  }
  return found;
}

/**
 * What a package's door shows takes at most two positional parameters, then one options object, callback, call or signal.
 * Between the files of a package it may be one more: codecs pass bytes, start and end without making an object of them.
 */
export function parametersRule(tree: Tree): Violation[] {
  const found: Violation[] = [];
  const shown = namesAtDoors(tree);
  for (const source of tree.sources.values()) {
    if (source.generated || source.test) continue;
    for (const statement of source.program.body) {
      if (statement.type !== "ExportNamedDeclaration" || statement.declaration?.type !== "FunctionDeclaration") continue;
      const declared = statement.declaration;
      const parameters = declared.params.filter((one) => one.type !== "RestElement");
      const last = parameters.at(-1);
      const positional = last && isTrailing(last, source.text) ? parameters.length - 1 : parameters.length;
      const most = shown.has(`${source.path}#${declared.id?.name}`) ? positionalMax : positionalMax + 1;
      if (positional <= most) continue;
      const message = `${declared.id?.name} takes ${parameters.length} parameters; at most ${most}, then one options object`;
      found.push({ rule: "parameters", path: source.path, line: source.lineAt(declared.start), message });
    }
  }
  return found;
}

/** What the doors of packages show, as "path#name" of where it is declared. */
function namesAtDoors(tree: Tree): Set<string> {
  const shown = new Set<string>();
  for (const path of new Set(tree.manifests.flatMap((manifest) => [...manifest.doors.values()]))) {
    for (const statement of tree.sources.get(path)?.program.body ?? []) {
      if (statement.type !== "ExportNamedDeclaration") continue;
      for (const name of statement.declaration ? declaredNames(statement.declaration) : []) shown.add(`${path}#${name}`);
      const target = statement.source && resolveImport(tree, { from: path, specifier: statement.source.value });
      for (const one of statement.specifiers) {
        if (target?.kind === "file" && one.local.type === "Identifier") shown.add(`${target.path}#${one.local.name}`);
      }
    }
  }
  return shown;
}

/** Whether a last parameter is what a signature may end with beside its two positional ones. */
function isTrailing(parameter: ParamPattern, text: string): boolean {
  const pattern = parameter.type === "AssignmentPattern" ? parameter.left : parameter;
  if (pattern.type === "ObjectPattern") return true;
  if (pattern.type !== "Identifier") return false;
  const annotation: TSType | undefined = pattern.typeAnnotation?.typeAnnotation;
  if (annotation === undefined) return pattern.name === "options";
  if (annotation.type === "TSFunctionType" || annotation.type === "TSTypeLiteral") return true;
  return pattern.name === "options" || /(Options|Call|Clock|AbortSignal|Logger)\b/.test(text.slice(annotation.start, annotation.end));
}

/** Every export says what it is: a doc comment stands right before it. Re-exports are said where they are declared. */
export function documentedRule(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const source of tree.sources.values()) {
    if (source.generated || source.test || source.path.endsWith(".config.ts")) continue;
    for (const [name, start] of undocumented(source)) {
      found.push({ rule: "documented", path: source.path, line: source.lineAt(start), message: `the export ${name} has no doc comment` });
    }
  }
  return found;
}

function undocumented(source: Source): [string, number][] {
  const missing = new Map<string, number>();
  const said = new Set<string>();
  const locals = localDeclarations(source.program);
  const judge = (name: string, start: number): void => {
    if (isDocumented(source, start)) said.add(name);
    else if (!missing.has(name)) missing.set(name, start);
  };
  for (const statement of source.program.body) {
    if (statement.type !== "ExportNamedDeclaration" || statement.source) continue;
    if (statement.declaration) for (const name of declaredNames(statement.declaration)) judge(name, statement.start);
    for (const specifier of statement.specifiers) {
      const name = specifier.local.type === "Identifier" ? specifier.local.name : "";
      const start = locals.get(name);
      if (start !== undefined) judge(name, start);
    }
  }
  return [...missing].filter(([name]) => !said.has(name));
}

function localDeclarations(program: Program): Map<string, number> {
  const found = new Map<string, number>();
  for (const statement of program.body) {
    if ("declare" in statement) for (const name of declaredNames(statement as Declaration)) found.set(name, statement.start);
    else if (statement.type === "VariableDeclaration") for (const name of declaredNames(statement)) found.set(name, statement.start);
  }
  return found;
}

/** The names that a declaration introduces. */
export function declaredNames(declaration: Declaration): string[] {
  if (declaration.type === "VariableDeclaration") {
    return declaration.declarations.flatMap((one) => (one.id.type === "Identifier" ? [one.id.name] : []));
  }
  return "id" in declaration && declaration.id && "name" in declaration.id ? [declaration.id.name as string] : [];
}

function isDocumented(source: Source, start: number): boolean {
  const before = (comment: Comment): boolean => comment.end <= start && /^\s*$/.test(source.text.slice(comment.end, start));
  const last = source.comments.findLast(before);
  return last !== undefined && last.type === "Block" && last.value.startsWith("*");
}
