/**
 * `cipherlayer accuracy` of a model whose output is one value: how far it is off.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { type Outcome, simulateMany } from "../../models/simulate/simulate.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { displayScores } from "../../sdk/session/answer.ts";
import {
  type RegressionError,
  regressionError,
  regressionText,
} from "../output/regression_error.ts";
import { loadReadings, loadTargets } from "../readings/readings.ts";
import { note, print, UsageError } from "./command.ts";

/** What `accuracy --json` prints of such a model. */
export interface RegressionReport {
  model: string;
  version: string;
  count: number;
  error: RegressionError;
  totalMs: number;
}

export interface RegressionOptions {
  /** File of readings. */
  input: string;
  /** File of what was measured, a value a reading. */
  labels?: string;
  count?: number;
  encrypted?: boolean;
  json?: boolean;
}

const simulatedBetweenNotices = 1024;

/** Simulates readings and prints how far their values lie from what was measured. */
export async function printRegression(
  model: ModelPackage,
  { input, labels, count, encrypted, json = false }: RegressionOptions,
): Promise<void> {
  const { name, version, inputs, outputs: [output] } = model.manifest;
  if (encrypted) {
    throw new UsageError(
      `Cannot count right answers of ${name}, which gives one value: cipherlayer run compares encrypted values with the simulator's`,
    );
  }
  if (labels === undefined) {
    throw new UsageError("Cannot compare: --labels FILE is missing");
  }
  const readings = await loadReadings(input, inputs, count);
  const targets = await loadTargets(labels, count);
  if (targets.length !== readings.length || readings.length === 0) {
    throw new UsageError(
      `Cannot compare: expected as many measured values as samples, got ${targets.length} and ${readings.length}`,
    );
  }
  const started = performance.now();
  const values = simulateReadings(model, readings).map(({ scores }) =>
    displayScores(Array.from(scores), output.tail)[0]
  );
  const report: RegressionReport = {
    model: name,
    version,
    count: values.length,
    error: regressionError(values, targets),
    totalMs: performance.now() - started,
  };
  print(
    json,
    report,
    () =>
      `${name} ${version}\n${
        regressionText(report.error, output.units?.[0])
      } over ${report.count} samples`,
  );
}

/** Readings simulated one after another; values out of range are moved into it. */
export function simulateReadings(
  model: ModelPackage,
  readings: readonly Float64Array[],
): Outcome[] {
  const integers = readings.map((reading) =>
    quantise(reading, model.manifest, { clamp: true })
  );
  return simulateMany(model, integers, {
    onProgress: (done) => {
      if (done % simulatedBetweenNotices === 0) {
        note(`${done} of ${readings.length} simulated`);
      }
    },
  });
}
