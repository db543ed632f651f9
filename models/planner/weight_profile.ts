/**
 * What the cost of a linear map depends on besides its shape.
 *
 * @module
 */
import type { RoundSpec, WeightTensor } from "../package/format.ts";
import { balancedDigits, type Strategy } from "./strategy.ts";

/** Expected products of one joint table of a term and of its look-ups. */
export interface TableCosts {
  /** Products that build what is looked up. */
  build: number;
  /** Look-ups for each output and tap, over all planes. */
  lookUps: number;
}

/** Counts that differ by less than this factor are taken for equal. */
const rowsStep = 2 ** (1 / 4);

/**
 * How often each weight occurs. Expectations take weights to be independent of
 * each other, which real ones are nearly enough.
 */
export class WeightProfile {
  /** Largest |weight|, at least 1. */
  readonly largest: number;
  /** Share of each weight. */
  readonly #shares: ReadonlyMap<number, number>;
  readonly #known = new Map<string, TableCosts>();

  /** @param weights each with how often it occurs */
  constructor(weights: ReadonlyMap<number, number>) {
    const total = [...weights.values()].reduce((sum, count) => sum + count, 0);
    this.#shares = new Map(
      Array.from(weights, ([weight, count]) => [weight, count / total]),
    );
    this.largest = [...weights.keys()].reduce(
      (largest, weight) => Math.max(largest, Math.abs(weight)),
      1,
    );
  }

  /**
   * Expectations of one table that joins `strategy.groupSize` inputs.
   *
   * @param rows outputs and taps that look it up, in every plane
   */
  tableCosts(strategy: Strategy, rows: number): TableCosts {
    const step = Math.round(Math.log(rows) / Math.log(rowsStep));
    const { planes, halfRange, groupSize, buckets } = strategy;
    const key = [planes, halfRange, groupSize, buckets, step].join();
    let known = this.#known.get(key);
    if (!known) {
      known = this.#expect(strategy, rowsStep ** step);
      this.#known.set(key, known);
    }
    return known;
  }

  #expect(strategy: Strategy, rows: number): TableCosts {
    const digits = this.#digitShares(strategy);
    const { halfRange, groupSize, buckets } = strategy;
    let lookUps = 0;
    for (const shares of digits) lookUps += 1 - shares[halfRange] ** groupSize;
    if (buckets) return { build: 0, lookUps };
    // Powers of each input, and of its inverse unless it leads.
    let build = (halfRange - 1) * (2 * groupSize - 1);
    /**
     * An entry of two digits or more is built if some row's digits begin with its
     * own, wherever its last digit stands: the rest of the row leans on it.
     */
    const visit = (
      place: number,
      nonzeros: number,
      forward: number[],
      backward: number[],
    ) => {
      for (let digit = -halfRange; digit <= halfRange; digit++) {
        // Half of the entries: the leading digit is positive.
        if (nonzeros === 0 && digit < 0) continue;
        const plus = digits.map((shares, plane) =>
          forward[plane] * shares[halfRange + digit]
        );
        const minus = digits.map((shares, plane) =>
          backward[plane] * shares[halfRange - digit]
        );
        if (digit !== 0 && nonzeros > 0) {
          let missing = 1;
          for (const [plane, share] of plus.entries()) {
            missing *= (1 - Math.min(1, share + minus[plane])) ** rows;
          }
          build += 1 - missing;
        }
        const now = nonzeros + (digit === 0 ? 0 : 1);
        if (place > 1) visit(place - 1, now, plus, minus);
      }
    };
    const ones = digits.map(() => 1);
    visit(groupSize, 0, ones, ones);
    return { build, lookUps };
  }

  /** For each plane the share of each digit, that of digit d at halfRange + d. */
  #digitShares(strategy: Strategy): Float64Array[] {
    const { planes, halfRange } = strategy;
    const shares = Array.from(
      { length: planes },
      () => new Float64Array(2 * halfRange + 1),
    );
    for (const [weight, share] of this.#shares) {
      balancedDigits(weight, strategy).forEach((digit, plane) =>
        shares[plane][halfRange + digit] += share
      );
    }
    return shares;
  }
}

/** Assumed where the weights are not at hand: 4 bits, a fifth of them 0. */
const nominal = new WeightProfile(
  new Map(
    Array.from(
      { length: 15 },
      (_, i): [number, number] => [i - 7, i === 7 ? 0.2 : 0.8 / 14],
    ),
  ),
);

const profiles = new WeakMap<WeightTensor, WeightProfile>();

/** A profile for each term of the round; a nominal one without its weights. */
export function weightProfiles(
  round: RoundSpec,
  tensors: ReadonlyMap<string, WeightTensor> = new Map(),
): WeightProfile[] {
  return round.terms.map(({ weights }) => {
    const tensor = tensors.get(weights);
    if (!tensor) return nominal;
    let profile = profiles.get(tensor);
    if (!profile) {
      const counts = new Map<number, number>();
      for (const weight of tensor.data) {
        counts.set(weight, (counts.get(weight) ?? 0) + 1);
      }
      profile = new WeightProfile(counts);
      profiles.set(tensor, profile);
    }
    return profile;
  });
}
