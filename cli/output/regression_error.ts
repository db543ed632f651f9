/**
 * How far the values of a regression model lie from what was measured.
 *
 * @module
 */
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import { sum } from "../../sdk/support/numbers.ts";
import type { Manifest } from "../../models/package/format.ts";
import { shortNumber } from "./numbers.ts";

/** In the units of the output. */
export interface RegressionError {
  meanAbsoluteError: number;
  rootMeanSquareError: number;
  largestError: number;
  /** Share of the targets' variance that is explained; null where they do not vary. */
  rSquared: number | null;
}

/** One value alone is no class: there is no largest of several. */
export function isRegression(
  { outputs: [output] }: Pick<Manifest, "outputs">,
): boolean {
  return elementCount(output.shape) === 1;
}

/** @param values as many as `targets`, one or more */
export function regressionError(
  values: readonly number[],
  targets: readonly number[],
): RegressionError {
  const errors = values.map((value, i) => Math.abs(value - targets[i]));
  const squares = sum(errors.map((error) => error ** 2));
  const mean = sum(targets) / targets.length;
  const variation = sum(targets.map((target) => (target - mean) ** 2));
  return {
    meanAbsoluteError: sum(errors) / errors.length,
    rootMeanSquareError: Math.sqrt(squares / errors.length),
    largestError: errors.reduce((max, error) => Math.max(max, error), 0),
    rSquared: variation === 0 ? null : 1 - squares / variation,
  };
}

/** For people. */
export function regressionText(
  { meanAbsoluteError, rootMeanSquareError, largestError, rSquared }:
    RegressionError,
  unit = "",
): string {
  const of = (value: number) => `${shortNumber(value)}${unit && ` ${unit}`}`;
  return `mean absolute error ${of(meanAbsoluteError)}, root mean square ${
    of(rootMeanSquareError)
  }, largest ${of(largestError)}${
    rSquared === null ? "" : `, R² ${shortNumber(rSquared)}`
  }`;
}
