/**
 * Seeded uniform numbers for schedules, never for secrets.
 *
 * @module
 */
/** Uniform numbers in [0, 1), the same for the same seed (mulberry32): for schedules, never for secrets. */
export function seededUnit(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A draw of the exponential distribution, as times between events of a Poisson process. */
export function exponential(mean: number, unit: () => number): number {
  return -mean * Math.log(1 - unit());
}
