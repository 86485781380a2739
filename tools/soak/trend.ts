/** A point in time and what was held then. */
export interface Sample {
  readonly seconds: number;
  readonly bytes: number;
}

/** How something grows: bytes a second, between `low` and `high` with a confidence of 99.9 %. */
export interface Trend {
  readonly samples: number;
  readonly slope: number;
  readonly low: number;
  readonly high: number;
  /** What the growth would come to in eight hours, by the slope itself. */
  readonly bytesInEightHours: number;
}

const samplesMin = 12;
/** Of the normal distribution, both sides together leave 0.1 %. */
const quantile = 3.2905;

/**
 * The slope of samples by least squares, with its confidence interval. Neighbours that are alike tell less than independent
 * samples: the error is widened by their correlation (lag one). Undefined for fewer than twelve samples.
 */
export function trendOf(samples: readonly Sample[]): Trend | undefined {
  const count = samples.length;
  if (count < samplesMin) return undefined;
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const middle = mean(samples.map(({ seconds }) => seconds));
  const level = mean(samples.map(({ bytes }) => bytes));
  const spread = samples.reduce((sum, { seconds }) => sum + (seconds - middle) ** 2, 0);
  const slope = samples.reduce((sum, { seconds, bytes }) => sum + (seconds - middle) * (bytes - level), 0) / spread;
  const rest = samples.map(({ seconds, bytes }) => bytes - level - slope * (seconds - middle));
  const squares = rest.reduce((sum, value) => sum + value * value, 0);
  const products = rest.slice(1).reduce((sum, value, index) => sum + value * (rest[index] ?? 0), 0);
  const correlation = squares === 0 ? 0 : Math.min(0.95, Math.max(0, products / squares));
  const widened = Math.sqrt((1 + correlation) / (1 - correlation));
  const error = Math.sqrt(squares / (count - 2) / spread) * widened;
  const reach = studentQuantile(count - 2) * error;
  return { samples: count, slope, low: slope - reach, high: slope + reach, bytesInEightHours: slope * 8 * 3600 };
}

/** Student's quantile from the normal one (Cornish and Fisher's expansion, good to a hundredth from ten degrees of freedom on). */
function studentQuantile(freedom: number): number {
  const z = quantile;
  const first = (z ** 3 + z) / (4 * freedom);
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
  return z + first + second;
}
