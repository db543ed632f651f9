/**
 * Scaling by powers of two alone: a shift is free in a garbled circuit, where a general
 * multiplier takes an adder for each of its digits.
 *
 * @module
 */
import { signedBits } from "../../../sdk/garbling/circuits/integers.ts";
import type { Range } from "../../../sdk/garbling/rounds/stage.ts";
import type { Requantisation } from "./gateway_steps.ts";
import type { PrescribedQuantisation } from "./prescribed.ts";
import { clippingError, type ValueGroup } from "./range.ts";

/** 2^exponent as a multiplier over 2^shift. */
export function asShift(
  exponent: number,
): { multiplier: number; shift: number } {
  const shift = Math.max(1, -exponent);
  return { multiplier: 2 ** (exponent + shift), shift };
}

/** The exponent of the power of two beside `factor` that comes closer to the values. */
export function choosePowerOfTwo(
  groups: ValueGroup[],
  bounds: { low: number; high: number },
  factor: number,
): number {
  const below = Math.floor(Math.log2(factor));
  const error = (exponent: number) =>
    clippingError(groups, 2 ** exponent, bounds);
  return error(below + 1) < error(below) ? below + 1 : below;
}

/**
 * A shift of sums of `terms` addends as one of the addends, which makes them narrower,
 * and one of their sum. What the addends' rounding adds stays near half a unit.
 *
 * @param range of the addends
 */
export function splitShift(
  { multiplier, shift, low, high }: Requantisation,
  range: Range,
  terms: number,
): { before: Requantisation | null; after: Requantisation } {
  const bitsAfter = Math.max(0, Math.ceil(Math.log2(terms) / 2) - 1);
  const bits = shift - Math.log2(multiplier) - bitsAfter;
  if (!(Number.isInteger(bits) && bits >= 1)) {
    return { before: null, after: { multiplier, shift, low, high } };
  }
  const width = signedBits(range.low, range.high + 2 ** (bits - 1));
  const largest = 2 ** (width - 1 - bits);
  return {
    before: {
      multiplier: 1,
      shift: bits,
      low: Math.max(-largest, range.low),
      high: largest - 1,
    },
    after: { ...asShift(-bitsAfter), low, high },
  };
}

/**
 * What training has fixed, each multiplier replaced by the power of two below it: no
 * activation is clipped that was not. Activations are then in other units, and so are
 * the accumulators that follow.
 *
 * @throws {RangeError} where a multiplier is not positive
 */
export function withPowersOfTwo(
  prescribed: PrescribedQuantisation,
): PrescribedQuantisation {
  let unit = 1;
  return {
    ...prescribed,
    rounds: prescribed.rounds.map((round) => {
      const accumulatorScale = round.accumulatorScale * unit;
      if (!round.requantise) return { ...round, accumulatorScale };
      const { multiplier, shift, low, high } = round.requantise;
      if (multiplier <= 0) {
        throw new RangeError(
          `Cannot seal: expected multipliers above 0, got ${multiplier}`,
        );
      }
      const wanted = Math.log2(multiplier) - shift,
        taken = Math.floor(wanted + 1e-9);
      unit *= 2 ** (wanted - taken);
      const requantise = { ...asShift(taken), low, high };
      return { ...round, accumulatorScale, requantise };
    }),
  };
}
