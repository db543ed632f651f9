/**
 * `cipherlayer accuracy`: how often a package is right, simulated or encrypted.
 *
 * @module
 */
import { Command } from "commander";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { generatePrivateKey } from "../../sdk/paillier/private/key_generation.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { planSealed } from "../../models/planner/sealed.ts";
import { planInference } from "../../models/planner/plan.ts";
import { argMax } from "../../models/compiler/quantise/report.ts";
import {
  classesPath,
  loadClasses,
  loadReadings,
} from "../readings/readings.ts";
import { isRegression } from "../output/regression_error.ts";
import { printRegression, simulateReadings } from "./regression_accuracy.ts";
import { type AccuracyLine, AccuracyState } from "./accuracy_state.ts";
import {
  note,
  print,
  ReportedError,
  tokenOption,
  urlOption,
  UsageError,
  wholeNumber,
} from "./command.ts";
import { openPackage, packageArgument } from "./model_argument.ts";
import {
  addKeyOptions,
  insecureMark,
  type KeyChoice,
  keyChoice,
  type KeyOptions,
  openService,
  samplesAtOnce,
} from "./encrypted.ts";
import { readableKinds } from "../readings/array_file.ts";
import { nameMachine } from "../output/machine.ts";
import { equalInEveryRound, RememberingOwner } from "./round_check.ts";

interface Options extends KeyOptions {
  input: string;
  labels?: string;
  count?: number;
  encrypted?: boolean;
  state?: string;
  url?: string;
  token?: string;
  json?: boolean;
}

/** What `accuracy --json` prints. */
export type AccuracyReport =
  | Counts & { encrypted: false }
  | EncryptedAccuracyReport;

interface Counts {
  model: string;
  version: string;
  /** Samples that were looked at. */
  count: number;
  right: number;
  /** right / count. */
  accuracy: number;
  /** Milliseconds, without what an earlier run had done. */
  totalMs: number;
}

/** The same with `--encrypted`. */
export interface EncryptedAccuracyReport extends Counts, KeyChoice {
  encrypted: true;
  /** Arithmetic of the gateway. */
  kernel: string;
  /** Samples per inference, side by side in the same ciphertexts. */
  samples: number;
  /** Samples that an earlier run had done. */
  resumed: number;
  /** Samples of which simulator and encrypted inference give the same class. */
  agreeWithSimulator: number;
  /**
   * Samples of whose inference every round gives the simulator's accumulators; null of a
   * sealed model, and at a URL, where functions hide these.
   */
  equalInEveryRound: number | null;
}

/** `cipherlayer accuracy`: right answers among labelled samples. */
export function accuracyCommand(): Command {
  return addKeyOptions(
    new Command("accuracy")
      .summary("count right answers, simulated or encrypted")
      .description(
        "Counts the right answers of a package on labelled samples: by the integer simulator, or with --encrypted by inferences that are truly encrypted, over HTTP on this machine, many samples in the same ciphertexts. Every round of every one is compared with the simulator. Scores are revealed, so that no profile's noise is added; of a sealed model, and at a --url, answers alone are compared. Values outside the model's range are moved into it.",
      )
      .argument("<package>", packageArgument)
      .requiredOption(
        "--input <file>",
        `readings: ${readableKinds}`,
      )
      .option(
        "--labels <file>",
        "their right classes (CIFAR-10's files hold their own), or measured values where the model gives one",
      )
      .option("--count <n>", "the first samples only", wholeNumber(1))
      .option("--encrypted", "infer encrypted"),
  )
    .option(
      "--state <file>",
      "keep what has been inferred encrypted, and go on from there",
    )
    .addOption(urlOption("infer on functions that serve the model already"))
    .addOption(tokenOption())
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  cipherlayer accuracy lenet-mnist --input t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz
  cipherlayer accuracy package --input test_batch.bin.gz
  cipherlayer accuracy package --input test_batch.bin.gz --encrypted --count 20 --url https://functions.example
  cipherlayer accuracy package --input x.npy --labels y.npy --encrypted --count 200 --insecure-key-bits 512 --state done.jsonl`,
    )
    .action(accuracy);
}

async function accuracy(
  folder: string,
  options: Options,
  command: Command,
): Promise<void> {
  const { encrypted = false, keyBits, insecureKeyBits, state, url } = options;
  const isUrlGiven = command.getOptionValueSource("url") === "cli";
  const needsEncrypted = keyBits ?? insecureKeyBits ?? state ??
    (isUrlGiven ? url : undefined);
  if (!encrypted && needsEncrypted !== undefined) {
    throw new UsageError(
      "Cannot use a key, --state or --url: expected --encrypted beside it",
    );
  }
  const choice = keyChoice(options);
  const model = await openPackage(folder);
  if (isRegression(model.manifest)) {
    return await printRegression(model, options);
  }
  const samples = await loadSamples(model, options);
  const report: AccuracyReport = encrypted
    ? await encryptedAccuracy(model, samples, choice, options)
    : integerAccuracy(model, samples);
  print(options.json ?? false, report, () => format(report));
  if (report.encrypted) {
    const { count, agreeWithSimulator, equalInEveryRound } = report;
    const differing = count -
      Math.min(agreeWithSimulator, equalInEveryRound ?? count);
    // Functions of others may add noise before they reveal a label.
    if (differing > 0 && url === undefined) {
      throw new ReportedError(
        `Encrypted inferences of ${differing} samples differ from the simulator`,
      );
    }
  }
}

interface Samples {
  readings: Float64Array[];
  classes: number[];
}

async function loadSamples(
  { manifest: { inputs } }: ModelPackage,
  { input, labels, count }: Options,
): Promise<Samples> {
  const labelled = classesPath(input, labels);
  if (labelled === null) {
    throw new UsageError("Cannot compare: --labels FILE is missing");
  }
  const readings = await loadReadings(input, inputs, count);
  const classes = await loadClasses(labelled, count);
  if (classes.length !== readings.length || readings.length === 0) {
    throw new UsageError(
      `Cannot compare: expected as many labels as samples, got ${classes.length} and ${readings.length}`,
    );
  }
  return { readings, classes };
}

function integerAccuracy(
  model: ModelPackage,
  samples: Samples,
): AccuracyReport {
  const started = performance.now();
  const predicted = simulateClasses(model, samples.readings);
  return {
    ...count(model, predicted, samples.classes),
    encrypted: false,
    totalMs: performance.now() - started,
  };
}

async function encryptedAccuracy(
  { manifest, tensors }: ModelPackage,
  { readings, classes }: Samples,
  choice: KeyChoice,
  { state: statePath, url, token }: Options,
): Promise<EncryptedAccuracyReport> {
  const started = performance.now();
  const { version } = manifest, { keyBits } = choice;
  const isSealed = manifest.privacy === "sealed";
  const model: ModelPackage = {
    manifest: isSealed ? manifest : { ...manifest, reveal: "scores" },
    tensors,
  };
  // Refuses, naming the round, what does not fit a plaintext.
  const planOptions = { modulusBits: keyBits, samples: 1 };
  if (isSealed) planSealed(model, planOptions);
  else planInference(model.manifest, planOptions);
  const comparesRounds = url === undefined && !isSealed;
  const simulated = simulateClasses(model, readings);
  const state = statePath === undefined ? null : new AccuracyState(statePath);
  const done = new Map<number, AccuracyLine>();
  for (const line of await state?.read() ?? []) {
    if (line.index >= readings.length) continue;
    checkLine(line, {
      model: manifest.name,
      version,
      keyBits,
      label: classes[line.index],
      simulated: simulated[line.index],
    });
    done.set(line.index, line);
  }
  const resumed = done.size;
  const missing = [...readings.keys()].filter((i) => !done.has(i));
  const samples = comparesRounds
    ? samplesAtOnce(model, keyBits, readings.length)
    : 1;
  const tally = () => {
    const lines = [...done.values()];
    return {
      right: lines.filter((line) => line.predicted === line.label).length,
      agree: lines.filter((line) => line.predicted === line.simulated).length,
      equal: lines.filter((line) => line.roundsEqual).length,
    };
  };
  if (missing.length > 0) {
    const { insecure } = choice;
    using owner = new RememberingOwner(
      await generatePrivateKey(keyBits, { insecure }),
    );
    const where = { url, token, samples, owner };
    await using service = await openService(model, choice, where);
    const { session } = service;
    owner.follow(session);
    const machine = nameMachine();
    for (let from = 0; from < missing.length; from += samples) {
      const batch = missing.slice(from, from + samples);
      const answers = await session.inferMany(
        batch.map((index) => readings[index]),
        { clamp: true },
      );
      const seconds = Number(
        (answers[0].totalMs / 1000 / batch.length).toPrecision(4),
      );
      const roundsEqual = !comparesRounds ? null : equalInEveryRound(
        model,
        session,
        owner,
        batch.map((index) =>
          quantise(readings[index], manifest, { clamp: true })
        ),
      );
      const finishedAt = new Date().toISOString();
      const lines = batch.map((index, i): AccuracyLine => ({
        index,
        predicted: answers[i].predicted,
        simulated: simulated[index],
        roundsEqual,
        label: classes[index],
        seconds,
        samples: batch.length,
        model: manifest.name,
        version,
        keyBits,
        machine,
        finishedAt,
      }));
      for (const line of lines) done.set(line.index, line);
      await state?.append(lines);
      const { right, agree, equal } = tally();
      note(
        `${done.size} of ${readings.length}: ${right} right, ${agree} as simulated, ${
          comparesRounds ? `${equal} so in every round, ` : ""
        }${seconds.toFixed(3)} s a sample${insecureMark(choice)}`,
      );
    }
  }
  const { agree, equal } = tally();
  return {
    ...count(
      model,
      [...readings.keys()].map((i) => done.get(i)!.predicted),
      classes,
    ),
    encrypted: true,
    ...choice,
    kernel: selectKernel().name,
    samples,
    resumed,
    agreeWithSimulator: agree,
    equalInEveryRound: comparesRounds ? equal : null,
    totalMs: performance.now() - started,
  };
}

function simulateClasses(
  model: ModelPackage,
  readings: Float64Array[],
): number[] {
  return simulateReadings(model, readings)
    .map(({ integers }) => argMax(integers));
}

function count(
  { manifest: { name, version } }: ModelPackage,
  predicted: number[],
  classes: number[],
) {
  const right = predicted.filter((value, i) => value === classes[i]).length;
  return {
    model: name,
    version,
    count: predicted.length,
    right,
    accuracy: right / predicted.length,
  };
}

/** A state is of one model, one size of key and one set of samples. */
function checkLine(
  line: AccuracyLine,
  expected: Pick<
    AccuracyLine,
    "model" | "version" | "keyBits" | "simulated" | "label"
  >,
): void {
  for (
    const name of [
      "model",
      "version",
      "keyBits",
      "simulated",
      "label",
    ] as const
  ) {
    if (line[name] !== expected[name]) {
      throw new UsageError(
        `Cannot resume: expected ${name} ${
          expected[name]
        } of sample ${line.index}, got ${
          line[name]
        }; the state is of other samples, another model or key size`,
      );
    }
  }
}

function format(report: AccuracyReport): string {
  const { model, version, right, count, totalMs } = report;
  const lines = [
    `${model} ${version}`,
    `accuracy ${(100 * report.accuracy).toFixed(2)} % (${right} of ${count})`,
  ];
  if (!report.encrypted) {
    const perSecond = 1000 * count / totalMs;
    return [...lines, `${perSecond.toFixed(0)} samples a second, simulated`]
      .join("\n");
  }
  const { agreeWithSimulator, equalInEveryRound } = report;
  const { resumed, samples, kernel, keyBits } = report;
  const mark = insecureMark(report);
  return [
    lines[0],
    lines[1] + mark,
    `${agreeWithSimulator} of ${count} as the simulator${
      equalInEveryRound === null ? "" : `, ${equalInEveryRound} in every round`
    }${mark}`,
    `${(totalMs / 1000).toFixed(1)} s for ${
      count - resumed
    } samples, ${resumed} resumed; ${keyBits}-bit key, ${kernel} kernel, ${samples} samples an inference${mark}`,
  ].join("\n");
}
