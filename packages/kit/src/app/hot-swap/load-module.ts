import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";
import { fault, isFault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { ModuleSyntax } from "./module-syntax.ts";
import { moduleSyntaxFrom, ModuleSyntaxError } from "./module-syntax.ts";

/** What a hot module is loaded with. */
export interface HotModuleOptions {
  /** Files below this folder are loaded anew with the module, all others once a process, as ever. Default the folder of the module. */
  readonly root?: string;
  /** A module that works longer without a pause while it loads is ended. Default 5000. */
  readonly blockedMsMax?: number;
}

/** A module that goes when nobody holds it any more. */
export interface HotModule {
  /** What it exports, by name. */
  readonly exports: Readonly<Record<string, unknown>>;
  /** Every file that was read for it, the module itself last. */
  readonly files: readonly string[];
}

const fileBytesMax = 4 * 1024 * 1024;
const filesMax = 1000;
const blockedMsMaxDefault = 5000;
const handedOver = Symbol.for("weir.hot.module");

interface Loading {
  readonly root: string;
  readonly blockedMsMax: number;
  readonly done: Map<string, Readonly<Record<string, unknown>>>;
}

type Namespace = Readonly<Record<string, unknown>>;

/** What a module's text finds under the name `__w`. */
interface ModuleScope {
  readonly imports: readonly Namespace[];
  readonly meta: Readonly<Record<string, string>>;
  default: unknown;
  done(getters: Readonly<Record<string, () => unknown>>): void;
}

/**
 * Loads an ES module, in JavaScript or erasable TypeScript, so that it can be let go of: `import()` keeps every module for as long as the
 * process lives, whatever its address. What lies below `root` is loaded anew each time; everything else is shared with the
 * program. The module sees what any module sees: top-level await, `import.meta` (url, filename, dirname), `import()`, which loads for ever.
 * An import holds the value that was exported when its module had loaded; two modules below `root` may not import each other.
 * Rejects with HOT_MODULE_INVALID, naming file and line.
 */
export async function loadHotModule(module: string | URL, options: HotModuleOptions = {}): Promise<HotModule> {
  const path = module instanceof URL || module.startsWith("file:") ? fileURLToPath(module) : resolve(module);
  const root = resolve(options.root ?? dirname(path));
  const loading: Loading = { root, blockedMsMax: options.blockedMsMax ?? blockedMsMaxDefault, done: new Map() };
  const exports = await load(path, loading, []);
  return { exports, files: [...loading.done.keys()] };
}

/** "rules/amount.ts:12": where in a file below the folder an error was thrown, as far as its stack tells. */
export function placeOf(error: unknown, root: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const at = stack.indexOf(`${root}/`);
  const found = at === -1 ? undefined : /^(.+?):(\d+)/.exec(stack.slice(at).split("\n", 1)[0] ?? "");
  return found ? `${shown(found[1] ?? "", root)}:${found[2]}` : undefined;
}

async function load(path: string, loading: Loading, importers: readonly string[]): Promise<Namespace> {
  const known = loading.done.get(path);
  if (known) return known;
  const { root } = loading;
  if (importers.includes(path)) throw invalid(shown(path, root), "it imports itself, by others or directly");
  if (loading.done.size + importers.length >= filesMax) throw invalid(shown(path, root), `expected at most ${filesMax} files`);
  const namespace = await namespaceOf(path, loading, [...importers, path]);
  loading.done.set(path, namespace);
  return namespace;
}

async function namespaceOf(path: string, loading: Loading, importers: readonly string[]): Promise<Namespace> {
  const { root } = loading;
  try {
    const text = await textOf(path);
    if (extname(path) === ".json") return { default: JSON.parse(text) as unknown };
    const syntax = syntaxFrom(path, text);
    const imports: Namespace[] = [];
    for (const { specifier, names, exported } of syntax.imports) {
      const namespace = await imported(specifier, { path, loading, importers });
      const missing = [...names, ...exported].find((name) => name.imported !== "*" && !(name.imported in namespace));
      if (missing) throw invalid(shown(path, root), `expected ${specifier} to export "${missing.imported}"`);
      imports.push(namespace);
    }
    return await evaluated(path, { ...syntax, imported: imports }, loading);
  } catch (error) {
    if (isFault(error)) throw error;
    throw invalid(placeOf(error, root) ?? shown(path, root), messageOf(error), error);
  }
}

async function textOf(path: string): Promise<string> {
  const text = await readFile(path, "utf8");
  if (text.length > fileBytesMax) throw new Error(`expected at most ${fileBytesMax} characters, found ${text.length}`);
  return text;
}

function syntaxFrom(path: string, text: string): ModuleSyntax {
  const source = /\.[cm]?ts$/.test(path)
    ? stripTypeScriptTypes(text, { mode: "strip", sourceUrl: path }).split("\n//# sourceURL=")[0]!
    : text;
  try {
    return moduleSyntaxFrom(source);
  } catch (error) {
    if (!(error instanceof ModuleSyntaxError)) throw error;
    const line = source.slice(0, error.at).split("\n").length;
    const located = new Error(error.message);
    located.stack = `${path}:${line}`;
    throw located;
  }
}

interface Importer {
  readonly path: string;
  readonly loading: Loading;
  readonly importers: readonly string[];
}

async function imported(specifier: string, { path, loading, importers }: Importer): Promise<Namespace> {
  const isPath = specifier.startsWith("./") || specifier.startsWith("../") || isAbsolute(specifier) || specifier.startsWith("file:");
  if (!isPath) return importFrom(path)(specifier);
  const found = specifier.startsWith("file:") ? fileURLToPath(specifier) : resolve(dirname(path), specifier);
  const below = relative(loading.root, found);
  const isHot = below !== "" && !below.startsWith("..") && !isAbsolute(below) && !below.split("/").includes("node_modules");
  return isHot ? load(found, loading, importers) : importFrom(path)(pathToFileURL(found).href);
}

/** `import()` as in that file: what a package's name means depends on where it is asked. */
function importFrom(path: string): (specifier: string) => Promise<Namespace> {
  const script = new vm.Script("(specifier)=>import(specifier)", {
    filename: path,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  return script.runInThisContext() as (specifier: string) => Promise<Namespace>;
}

async function evaluated(
  path: string,
  syntax: ModuleSyntax & { readonly imported: readonly Namespace[] },
  { blockedMsMax }: Loading,
): Promise<Namespace> {
  const before = `((__w)=>(async()=>{"use strict";${bindings(syntax)}`;
  const getters = syntax.exports.map(({ name, local }) => `${JSON.stringify(name)}:()=>${local}`).join();
  const after = `\n;__w.done({${getters}});})())(globalThis[Symbol.for("weir.hot.module")])`;
  const script = new vm.Script(`${before}${syntax.body}${after}`, {
    filename: path,
    columnOffset: -before.length,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const namespace: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const scope: ModuleScope = {
    imports: syntax.imported,
    meta: { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) },
    default: undefined,
    done(values) {
      for (const [name, get] of Object.entries(values)) Object.defineProperty(namespace, name, { get, enumerable: true });
    },
  };
  const shared = globalThis as Record<symbol, unknown>;
  shared[handedOver] = scope;
  try {
    // The bound holds for what runs without a pause: an endless loop would stop the whole process.
    const loaded = script.runInThisContext({ timeout: blockedMsMax }) as Promise<void>;
    shared[handedOver] = undefined;
    await loaded;
  } finally {
    shared[handedOver] = undefined;
  }
  for (const [index, { exported }] of syntax.imports.entries()) reExport(namespace, syntax.imported[index] ?? {}, exported);
  return Object.freeze(namespace);
}

function bindings({ imports }: ModuleSyntax): string {
  const parts = imports.flatMap(({ names }, index) => {
    const named = names.filter(({ imported: name }) => name !== "*").map(({ imported: name, local }) => `${JSON.stringify(name)}:${local}`);
    const whole = names.filter(({ imported: name }) => name === "*").map(({ local }) => `const ${local}=__w.imports[${index}];`);
    return named.length > 0 ? [`const {${named.join()}}=__w.imports[${index}];`, ...whole] : whole;
  });
  return parts.join("");
}

function reExport(namespace: Record<string, unknown>, from: Namespace, exported: ModuleSyntax["imports"][number]["exported"]): void {
  for (const { imported: there, name } of exported) {
    if (name !== "*") namespace[name] = there === "*" ? from : from[there];
    else for (const each of Object.keys(from)) if (each !== "default" && !(each in namespace)) namespace[each] = from[each];
  }
}

function shown(path: string, root: string): string {
  return join(basename(root), relative(root, path));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function invalid(place: string, message: string, cause?: unknown): Error {
  return fault(kitReasons.HOT_MODULE_INVALID, `${place}: ${message}`, cause === undefined ? {} : { cause });
}
