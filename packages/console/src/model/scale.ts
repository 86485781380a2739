/** How many colours a scale has beside the one for nothing. */
export const stepCount = 5;

/** Lower bounds of the five steps, rising. A value below the first is in step 0, the colour of nothing. */
export interface Scale {
  readonly bounds: readonly number[];
  /** Largest value seen. */
  readonly max: number;
}

/** Bounds that rise evenly to a round number: for quantities whose sum counts, like requests. */
export function evenScale(values: readonly number[]): Scale {
  const max = values.reduce((most, value) => Math.max(most, value), 0);
  const step = roundUp((max || 1) / stepCount);
  return { bounds: Array.from({ length: stepCount }, (_, index) => (index === 0 ? Number.MIN_VALUE : index * step)), max };
}

/** Bounds in the series 1, 2, 5, 10 … that end below the largest value: for what differs by factors, like latency. */
export function factorScale(values: readonly number[]): Scale {
  const max = values.reduce((most, value) => Math.max(most, value), 0);
  if (max <= 0) return { bounds: [1, 2, 5, 10, 20], max: 0 };
  const bounds: number[] = [];
  for (let bound = roundDown(max); bounds.length < stepCount - 1; bound = before(bound)) bounds.unshift(bound);
  return { bounds: [Number.MIN_VALUE, ...bounds], max };
}

/** Bounds for counts where one matters: 1, 2, 5, 10, 20 and, where there is more, larger ones. */
export function countScale(values: readonly number[]): Scale {
  const max = values.reduce((most, value) => Math.max(most, value), 0);
  if (max < 50) return { bounds: [1, 2, 5, 10, 20], max };
  const top = roundDown(max);
  return { bounds: [1, ...[1000, 100, 10, 1].map((part) => Math.max(2, Math.round(top / part)))].filter(rising), max };
}

/** Step of a value, 0 for nothing to `stepCount` for most. */
export function stepOf(scale: Scale, value: number): number {
  let step = 0;
  for (const bound of scale.bounds) {
    if (value < bound) break;
    step++;
  }
  return step;
}

function rising(bound: number, index: number, all: readonly number[]): boolean {
  return index === 0 || bound > (all[index - 1] ?? 0);
}

/** The smallest of …, 1, 2, 5, 10, 20, … that is not below the value. */
function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((one) => one * unit).find((one) => one >= value * (1 - 1e-9)) ?? unit * 10;
}

/** The largest of …, 1, 2, 5, 10, 20, … that is not above the value. */
function roundDown(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value) + 1e-9);
  return [5, 2, 1].map((one) => one * unit).find((one) => one <= value * (1 + 1e-9)) ?? unit;
}

function before(bound: number): number {
  return roundDown(bound * 0.6);
}
