import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { createLabelTree } from "./label-tree.ts";

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

/** A metric without series; one without labels has its only series from the start. METRIC_INVALID for bad names. */
export function createFamily<S extends Series>(options: FamilyOptions<S>): Family<S> {
  const { name, help, type, create, labels = [], seriesMax = 1000, onDrop } = options;
  checkNames(name, labels);
  const tree = createLabelTree<S>();
  /** Each with its labels as text: `a="1",b="2"`. */
  const shown = new Map<S, string>();

  function checkCount(values: readonly string[]): void {
    if (values.length === labels.length) return;
    throw fault(kitReasons.METRIC_INVALID, `Expected ${labels.length} label values for "${name}", found ${values.length}.`);
  }
  function added(values: readonly string[]): S {
    const series = create();
    shown.set(series, labels.map((label, index) => `${label}="${escaped(values[index] ?? "")}"`).join(","));
    tree.set(values, series);
    return series;
  }
  function seriesOf(...values: string[]): S {
    checkCount(values);
    const known = tree.get(values);
    if (known) return known;
    // Two values that would be shown alike must share a series.
    const clean = values.map((value) => value.slice(0, labelLengthMax).toWellFormed());
    const kept = tree.get(clean);
    if (kept) return kept;
    if (shown.size < seriesMax) return added(clean);
    onDrop?.();
    const other = labels.map(() => "other");
    return tree.get(other) ?? added(other);
  }
  function remove(...values: string[]): void {
    checkCount(values);
    const series = tree.take(values);
    if (series) shown.delete(series);
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
