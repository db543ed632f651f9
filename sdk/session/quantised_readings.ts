/**
 * Readings of one call, taken when it is made and quantised before anything is sent.
 *
 * @module
 */
import { type GivenIntegers, quantiseGiven } from "../fixed_point/quantise.ts";
import {
  copyOfReading,
  eachReading,
  type Reading,
} from "../fixed_point/reading.ts";
import type { InferencePlan } from "../wire/plan.ts";

/**
 * Copies of readings, so that a caller may fill its buffers anew at once, and their
 * integers, made once for each contract.
 */
export class QuantisedReadings {
  readonly #readings: readonly Reading[];
  readonly #clamp?: boolean;
  #contract?: string;
  #integers: readonly GivenIntegers[] = [];

  /**
   * @throws {TypeError} if `readings` is a single reading
   * @throws {TypeError} {RangeError} naming number, and index or
   * name, of what is no number
   */
  constructor(readings: readonly Reading[], clamp?: boolean) {
    if (!Array.isArray(readings) || typeof readings[0] === "number") {
      throw new TypeError(
        "Cannot infer: expected readings to be an array of readings, or one reading for infer",
      );
    }
    this.#readings = eachReading(readings, copyOfReading);
    this.#clamp = clamp;
  }

  /**
   * Integers of all readings, in order.
   *
   * @param contract of the plan; integers of the same one are not made again
   * @throws as {@linkcode quantiseGiven}
   */
  under(contract: string, plan: InferencePlan): readonly GivenIntegers[] {
    if (contract !== this.#contract) {
      this.#integers = eachReading(
        this.#readings,
        (reading) => quantiseGiven(reading, plan, this.#clamp),
      );
      this.#contract = contract;
    }
    return this.#integers;
  }
}
