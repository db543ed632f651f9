/**
 * `cipherlayer simulate`: a package on readings, in integers.
 *
 * @module
 */
import { Command } from "commander";
import { eachReading } from "../../sdk/fixed_point/reading.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import {
  isRegression,
  type RegressionError,
  regressionError,
  regressionText,
} from "../output/regression_error.ts";
import { displayScores } from "../../sdk/session/answer.ts";
import { encodeNpy } from "../readings/npy.ts";
import { argMax } from "../../models/compiler/quantise/report.ts";
import {
  classesPath,
  loadClasses,
  loadReadings,
  loadTargets,
} from "../readings/readings.ts";
import {
  inputsOfReadings,
  simulateSequence,
} from "../../models/simulate/sequence.ts";
import { type Outcome, simulateMany } from "../../models/simulate/simulate.ts";
import { writeWholeFile } from "../../models/package/write_file.ts";
import { readableKinds } from "../readings/array_file.ts";
import { listNumbers } from "../output/numbers.ts";
import { note, print, UsageError, wholeNumber } from "./command.ts";
import { refuseOverwriting } from "./overwriting.ts";
import { openPackage, packageArgument } from "./model_argument.ts";

interface Options {
  input: string;
  labels?: string;
  count?: number;
  out?: string;
  force?: boolean;
  clamp?: boolean;
  json?: boolean;
}

/** Scores that JSON output holds at most. */
const printedSamples = 1000;

/** `cipherlayer simulate`: what an encrypted inference gives, in the clear. */
export function simulateCommand(): Command {
  return new Command("simulate")
    .summary("run a package on readings, in the clear")
    .description(
      "Computes what an encrypted inference computes, bit for bit, without encryption.",
    )
    .argument("<package>", packageArgument)
    .requiredOption(
      "--input <file>",
      `readings: ${readableKinds}`,
    )
    .option(
      "--labels <file>",
      "right classes, for the accuracy (CIFAR-10's files hold their own)",
    )
    .option("--count <n>", "readings to use at most", wholeNumber(1))
    .option("--out <file>", "write the scores to a .npy file")
    .option("--force", "overwrite what is at --out")
    .option("--clamp", "clamp readings out of range instead of refusing them")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  cipherlayer simulate occupancy --input room.csv
  cipherlayer simulate lenet-mnist --input t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz`,
    )
    .action(simulate);
}

async function simulate(folder: string, options: Options): Promise<void> {
  if (options.out) refuseOverwriting(options.out, options.force);
  const model = await openPackage(folder);
  const { outputs, outputs: [output], states } = model.manifest;
  const readings = await loadReadings(
    options.input,
    inputsOfReadings(model.manifest),
    options.count,
  );
  const clamp = options.clamp ?? false;
  const started = performance.now();
  const outcomes = states.length > 0
    ? simulateSequence(model, readings, { clamp })
    : simulateMany(
      model,
      eachReading(
        readings,
        (reading) => quantise(reading, model.manifest, { clamp }),
      ),
      {
        onProgress: (done) => {
          if (done % 1024 === 0) note(`${done} of ${readings.length}`);
        },
      },
    );
  const totalMs = performance.now() - started;
  const scores = outcomes.map((outcome) =>
    displayScores(Array.from(outcome.scores), output.tail)
  );
  const predicted = scores.map(argMax);
  const labelled = classesPath(options.input, options.labels);
  const values = isRegression(model.manifest)
    ? scores.map(([value]) => value)
    : null;
  const error = values && labelled !== null
    ? errorAgainst(values, await loadTargets(labelled, options.count))
    : undefined;
  const right = labelled === null || values
    ? null
    : countRight(predicted, await loadClasses(labelled, options.count));
  const accuracy = right === null ? null : right / predicted.length;
  if (options.out) {
    const data = Float64Array.from(scores.flat());
    const shape = [scores.length, ...output.shape];
    await writeWholeFile(options.out, encodeNpy({ shape, data }));
  }
  print(
    options.json ?? false,
    {
      samples: readings.length,
      // One value alone is no class.
      ...values ? { error } : { accuracy, predicted },
      scores: scores.slice(0, printedSamples),
      ...outputs.length > 1
        ? { outputs: outcomes.slice(0, printedSamples).map(asRecord) }
        : {},
      totalMs,
    },
    () => {
      const lines = predicted.slice(0, 20).map((best, i) =>
        `${i}: ${values ? "" : `${output.labels?.[best] ?? best}  `}${
          listNumbers(scores[i])
        }${others(outcomes[i])}`
      );
      if (predicted.length > 20) lines.push(`... ${predicted.length} in all`);
      if (error) lines.push(regressionText(error, output.units?.[0]));
      if (accuracy !== null) {
        lines.push(
          `accuracy ${
            (100 * accuracy).toFixed(2)
          } % (${right} of ${predicted.length})`,
        );
      }
      lines.push(
        `${(1000 * readings.length / totalMs).toFixed(0)} samples a second`,
      );
      return lines.join("\n");
    },
  );
}

/** Every output by name, as JSON holds it. */
function asRecord({ outputs }: Outcome): Record<string, number[]> {
  return Object.fromEntries(
    [...outputs].map(([name, values]) => [name, Array.from(values)]),
  );
}

/** The outputs after the first, by name, for people. */
function others({ outputs }: Outcome): string {
  return [...outputs].slice(1)
    .map(([name, values]) => `  ${name} ${listNumbers(Array.from(values))}`)
    .join("");
}

function errorAgainst(values: number[], targets: number[]): RegressionError {
  if (targets.length !== values.length) {
    throw new UsageError(
      `Cannot compare: expected ${values.length} measured values, got ${targets.length}`,
    );
  }
  return regressionError(values, targets);
}

function countRight(predicted: number[], classes: number[]): number {
  if (classes.length !== predicted.length) {
    throw new UsageError(
      `Cannot compare: expected ${predicted.length} labels, got ${classes.length}`,
    );
  }
  return predicted.filter((value, i) => value === classes[i]).length;
}
