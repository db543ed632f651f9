/**
 * Interleaved measurement: every contender runs once per turn, in an order that
 * alternates, so that a slow spell of the machine hits all of them. Medians stand
 * for values, and ratios are ratios of medians.
 *
 * @module
 */

/** A figure as printed; `ratio` above 1 means better than the reference. */
export interface BenchResult {
  name: string;
  value: number;
  unit: string;
  /** Null where the row has none, or the reference is not installed (see `note`). */
  reference: { name: string; value: number } | null;
  ratio: number | null;
  /** Interquartile range of the value over its median; 0 for exact figures. */
  spread: number;
  note: string | null;
}

/** Several rows that share set-up. */
export interface BenchGroup {
  /** Names of all rows that `run` can give. */
  readonly names: readonly string[];
  run(context: BenchContext): Promise<BenchResult[]>;
}

export interface BenchContext {
  /** Whether a row was asked for. */
  wants(name: string): boolean;
  /** Tells what is being measured. */
  progress(message: string): void;
}

/** Something measured: each call does one run and gives one figure. */
export type Contender = () => number | Promise<number>;

/** Which direction is good; times are "lower". */
export type Better = "lower" | "higher";

/**
 * Runs every contender once per turn. The first turn warms up and is dropped
 * unless `warmUp` is false.
 *
 * @param turns measured turns, at least 1
 * @param options.budgetMs no further turn begins after this time, on slow machines
 * @returns figures of each contender, one a turn
 */
export async function interleave<K extends string>(
  contenders: Record<K, Contender>,
  turns: number,
  { warmUp = true, budgetMs = Infinity }: {
    warmUp?: boolean;
    budgetMs?: number;
  } = {},
): Promise<Record<K, number[]>> {
  const names = Object.keys(contenders) as K[];
  const figures = Object.fromEntries(
    names.map((name) => [name, [] as number[]]),
  ) as Record<K, number[]>;
  const started = performance.now();
  for (let turn = warmUp ? -1 : 0; turn < turns; turn++) {
    if (turn > 0 && performance.now() - started > budgetMs) break;
    for (const name of turn % 2 === 0 ? names : names.toReversed()) {
      const figure = await contenders[name]();
      if (turn >= 0) figures[name].push(figure);
    }
  }
  return figures;
}

/** Value at `share` (0 to 1) of the sorted `values`, linearly interpolated. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] +
    (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
}

export const median = (values: readonly number[]): number =>
  quantile(values, 0.5);

/** Interquartile range over the median. */
export function relativeSpread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / median(values);
}

/**
 * The row for `ours` beside a reference measured in the same turns. A missing
 * reference gives nulls, with `note` saying how to get it.
 */
export function compare(
  row: { name: string; unit: string; better?: Better; note?: string | null },
  ours: readonly number[],
  reference: { name: string; figures: readonly number[] } | null,
): BenchResult {
  const { name, unit, better = "lower", note = null } = row;
  const value = median(ours);
  const shared = { name, value, unit, spread: relativeSpread(ours), note };
  if (reference === null) return { ...shared, reference: null, ratio: null };
  const other = median(reference.figures);
  return {
    ...shared,
    reference: { name: reference.name, value: other },
    ratio: better === "lower" ? other / value : value / other,
  };
}

/** Exponent e of the least-squares fit y = a * x^e. */
export function fittedExponent(
  points: readonly { x: number; y: number }[],
): number {
  const logs = points.map(({ x, y }) => [Math.log(x), Math.log(y)]);
  const mean = [0, 1].map((axis) =>
    logs.reduce((sum, point) => sum + point[axis], 0) / logs.length
  );
  let covariance = 0, variance = 0;
  for (const [x, y] of logs) {
    covariance += (x - mean[0]) * (y - mean[1]);
    variance += (x - mean[0]) ** 2;
  }
  return covariance / variance;
}

/** Milliseconds that `work` takes. */
export async function timeMs(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
