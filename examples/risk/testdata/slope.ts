/** How a value grows, and between which bounds that lies in 999 of 1,000 cases. */
export interface Slope {
  readonly slope: number;
  readonly low: number;
  readonly high: number;
}

/** Standard deviations on each side that hold 99.9 %. */
const deviations = 3.29;

/** By least squares. Neighbours that are alike tell less than independent ones: the interval is widened by how alike they are. */
export function slopeOf(points: readonly { readonly x: number; readonly y: number }[]): Slope {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middle, level] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const spread = points.reduce((sum, { x }) => sum + (x - middle) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - middle) * (y - level), 0) / spread;
  const rest = points.map(({ x, y }) => y - level - slope * (x - middle));
  const squares = rest.reduce((sum, each) => sum + each * each, 0);
  const products = rest.slice(1).reduce((sum, each, index) => sum + each * (rest[index] ?? 0), 0);
  const alike = Math.min(0.95, Math.max(0, products / squares));
  const half = deviations * Math.sqrt((squares / (points.length - 2) / spread) * ((1 + alike) / (1 - alike)));
  return { slope, low: slope - half, high: slope + half };
}
