/**
 * Windows of a smart plug's power, as the model takes them.
 *
 * @module
 */
/** A smart plug's report. */
export interface PowerReport {
  atMs: number;
  watts: number;
}

/** Means of 15 seconds that the model reads at once: an hour. */
export const windowLength = 240;
const meanMs = 15_000;
/** Plugs report on change; a silence longer than this is a gap. */
const maxSilenceMs = 15 * 60_000;
const maxWatts = 3000;

/**
 * Means of 15 seconds out of reports that come at any time: a power holds until the
 * next report.
 *
 * @returns watts; null after a gap, where a new hour has to begin
 */
export async function* powerMeans(
  reports: Iterable<PowerReport> | AsyncIterable<PowerReport>,
): AsyncGenerator<number | null> {
  let last: PowerReport | null = null;
  let endMs = 0, energy = 0;
  for await (const report of reports) {
    const silenceMs: number = last ? report.atMs - last.atMs : Infinity;
    if (last === null || silenceMs < 0 || silenceMs > maxSilenceMs) {
      if (last) yield null;
      last = report;
      endMs = report.atMs + meanMs;
      energy = 0;
      continue;
    }
    let fromMs = last.atMs;
    while (report.atMs >= endMs) {
      yield (energy + last.watts * (endMs - fromMs)) / meanMs;
      fromMs = endMs;
      endMs += meanMs;
      energy = 0;
    }
    energy += last.watts * (report.atMs - fromMs);
    last = report;
  }
}

/**
 * Hours of means, each `step` means after the one before.
 *
 * @returns copies of {@linkcode windowLength} watts
 */
export async function* slidingWindows(
  means: AsyncIterable<number | null>,
  step: number,
): AsyncGenerator<number[]> {
  let window: number[] = [];
  let fresh = 0;
  for await (const mean of means) {
    if (mean === null) {
      window = [];
      fresh = 0;
      continue;
    }
    window.push(mean);
    fresh++;
    if (window.length > windowLength) window.shift();
    if (window.length < windowLength || fresh < step) continue;
    fresh = 0;
    yield [...window];
  }
}

/** An hour as the model `appliance` reads it: logarithms of the power, in [0, 1]. */
export function toReading(window: number[]): number[] {
  return window.map((watts) =>
    Math.min(Math.log1p(Math.max(watts, 0)) / Math.log1p(maxWatts), 1)
  );
}
