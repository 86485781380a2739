import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";

/** One set of label values of a metric; it knows how to write its samples. */
export interface Series {
  /** Calls `sample` for every line: suffix of the name, a label of its own or "", value. */
  samples(sample: (suffix: string, label: string, value: number) => void): void;
}

/** A metric with all its series. */
export interface Family<S extends Series> {
  /** What must be the same when a metric is declared again. */
  readonly shape: string;
  readonly labels: (...values: string[]) => S;
  readonly remove: (...values: string[]) => void;
  /** HELP, TYPE and samples; HELP and TYPE alone while there are none. */
  text(): string;
}

/** What a family is made of. */
export interface FamilyOptions<S> {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly create: () => S;
  readonly labels?: readonly string[];
  readonly seriesMax?: number;
  /** More that belongs to the shape: the bounds of a histogram. */
  readonly shape?: string;
  /** Runs for every set of values that found no room. */
  readonly onDrop?: (() => void) | undefined;
}

const labelLengthMax = 256;

/** Label values in the order of the labels; one map for each, so that a look-up builds no string. */
type Node<S> = Map<string, Node<S> | S>;

/** A metric without series; one without labels has its only series from the start. METRIC_INVALID for bad names. */
export function createFamily<S extends Series>(options: FamilyOptions<S>): Family<S> {
  const { name, help, type, create, labels = [], seriesMax = 1000, onDrop } = options;
  checkNames(name, labels);
  const root: Node<S> = new Map();
  /** Each with its labels as text: `a="1",b="2"`. */
  const shown = new Map<S, string>();

  function checkCount(values: readonly string[]): void {
    if (values.length === labels.length) return;
    throw fault(kitReasons.METRIC_INVALID, `Expected ${labels.length} label values for "${name}", found ${values.length}.`);
  }
  function found(values: readonly string[]): S | undefined {
    let node: Node<S> | undefined = root;
    for (let index = 0; index < values.length - 1; index++) node = node?.get(values[index] ?? "") as Node<S> | undefined;
    return node?.get(values.at(-1) ?? "") as S | undefined;
  }
  function added(values: readonly string[]): S {
    const series = create();
    const text = labels.map((label, index) => `${label}="${escaped(values[index] ?? "")}"`).join(",");
    shown.set(series, text);
    let node = root;
    for (let index = 0; index < values.length - 1; index++) {
      const value = values[index] ?? "";
      const next = (node.get(value) as Node<S> | undefined) ?? new Map();
      node.set(value, next);
      node = next;
    }
    node.set(values.at(-1) ?? "", series);
    return series;
  }
  function seriesOf(...values: string[]): S {
    checkCount(values);
    const known = found(values);
    if (known) return known;
    // Two values that would be shown alike must share a series.
    const clean = values.map((value) => value.slice(0, labelLengthMax).toWellFormed());
    if (shown.size < seriesMax) return found(clean) ?? added(clean);
    const kept = found(clean);
    if (kept) return kept;
    onDrop?.();
    const other = labels.map(() => "other");
    return found(other) ?? added(other);
  }
  function remove(...values: string[]): void {
    checkCount(values);
    const path: Node<S>[] = [root];
    for (const value of values.slice(0, -1)) {
      const next = path.at(-1)?.get(value) as Node<S> | undefined;
      if (!next) return;
      path.push(next);
    }
    const series = found(values);
    if (series) shown.delete(series);
    // Maps that became empty go too: labels that come and go would leave one behind each time.
    for (let depth = path.length - 1; depth >= 0; depth--) {
      path[depth]?.delete(values[depth] ?? "");
      if ((path[depth]?.size ?? 0) > 0) break;
    }
  }
  function text(): string {
    let lines = `# HELP ${name} ${escapedHelp(help)}\n# TYPE ${name} ${type}\n`;
    for (const [series, text] of shown) {
      series.samples((suffix, label, value) => {
        const all = label === "" || text === "" ? label + text : `${text},${label}`;
        lines += `${name}${suffix}${all === "" ? "" : `{${all}}`} ${valueText(value)}\n`;
      });
    }
    return lines;
  }
  if (labels.length === 0) seriesOf();
  return { shape: [type, labels.join(","), options.shape ?? ""].join(" "), labels: seriesOf, remove, text };
}

function checkNames(name: string, labels: readonly string[]): void {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) {
    throw fault(kitReasons.METRIC_INVALID, `Expected a metric name of letters, digits, _ and :, found "${name}".`);
  }
  for (const label of labels) {
    if (!/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) {
      throw fault(kitReasons.METRIC_INVALID, `Expected a label name of letters, digits and _ for "${name}", found "${label}".`);
    }
  }
  if (new Set(labels).size !== labels.length) throw fault(kitReasons.METRIC_INVALID, `Expected each label of "${name}" once.`);
}

function escaped(label: string): string {
  return label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapedHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
