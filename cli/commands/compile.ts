/**
 * `cipherlayer compile`: from ONNX to a package.
 *
 * @module
 */
import { Command, Option } from "commander";
import { compileModel, wantedGraph } from "../../models/compiler/compile.ts";
import { inputsOfReadings } from "../../models/simulate/sequence.ts";
import type { Reveal, StateSpec } from "../../sdk/wire/values.ts";
import type { PrivacyProfile } from "../../models/package/format.ts";
import { lower } from "../../models/compiler/lower/lower.ts";
import { readOnnx } from "../../models/compiler/onnx/read.ts";
import { readBytes, readText } from "../../models/package/read_file.ts";
import { writePackage } from "../../models/package/read_package.ts";
import { manifestContract } from "../../models/protections/contract.ts";
import type { NamesOfParts } from "../../models/compiler/names.ts";
import { checkServed } from "../../models/planner/check_served.ts";
import { isGiven } from "../../models/compiler/quantise/given.ts";
import { parseQuantisation } from "../../models/compiler/quantise/prescribed.ts";
import type { QuantisationReport } from "../../models/compiler/quantise/report.ts";
import { readableKinds } from "../readings/array_file.ts";
import { loadClasses, loadNames, loadReadings } from "../readings/readings.ts";
import {
  bitWidths,
  print,
  realNumber,
  UsageError,
  wholeNumber,
} from "./command.ts";
import { checkCompileOptions, checkStates } from "./compile_checks.ts";
import { refuseOverwriting } from "./overwriting.ts";
import { keyMark } from "./encrypted.ts";
import { findModel } from "./model_argument.ts";
import { Progress } from "../output/progress.ts";
import { table } from "../output/table.ts";

interface Options {
  calibrate?: string;
  calibrateLabels?: string;
  calibrateCount: number;
  quantisation?: string;
  out: string;
  name?: string;
  inputShape?: number[];
  output?: string[];
  state?: StateSpec[];
  weightBits?: number | number[];
  activationBits?: number | number[];
  maxAccuracyLoss: number;
  inputRange?: string;
  acceptError?: boolean;
  pool: "gateway" | "cloud";
  labels?: string;
  inputNames?: string;
  units?: string;
  reveal?: Reveal;
  privacy: PrivacyProfile;
  keyBits: number;
  force?: boolean;
  json?: boolean;
}

/** `cipherlayer compile`: from ONNX to a package. */
export function compileCommand(): Command {
  return new Command("compile")
    .summary("make a package from an ONNX model")
    .description(
      "Compiles an ONNX model (opset 7 to 21) to a package that functions can serve: fuses it into rounds, quantises it on calibration readings and proves every bound. Refuses a model with the complete list of nodes that do not fit (exit code 3), and one that loses more of a score than models/README.md promises (exit code 4); nothing is written then.",
    )
    .argument("<model>", "ONNX file")
    .requiredOption("--out <folder>", "folder of the package")
    .option(
      "--calibrate <file>",
      `readings typical of use: ${readableKinds}; models that are quantised from the reading on need none`,
    )
    .option(
      "--calibrate-labels <file>",
      "right classes of those readings (CIFAR-10's files hold their own)",
    )
    .option(
      "--calibrate-count <n>",
      "readings to use at most",
      wholeNumber(1),
      1000,
    )
    .option(
      "--quantisation <file>",
      "what quantisation-aware training has fixed; no calibration is needed then",
    )
    .option(
      "--input-shape <lengths>",
      "shape of the input, batch first (1,3,48,192), where the file leaves lengths open",
      axisLengths,
    )
    .option(
      "--output <name>",
      "tensor at which to end the model (again for several; default: the file's outputs)",
      (name: string, names: string[] = []) => [...names, name],
    )
    .option(
      "--state <input=output>",
      "an input that the gateway sets to what an output was the time before (again for several); readings follow each other then, and hold the other inputs",
      stateOf,
    )
    .option("--name <name>", "model name (default: the file's)")
    .option(
      "--weight-bits <bits>",
      "one width, or one a round (8,6,4,6); default: chosen, 2 to 8",
      bitWidths,
    )
    .option(
      "--activation-bits <bits>",
      "one width, or one for the input and one for each round but the last; default: chosen, 4 to 8",
      bitWidths,
    )
    .option(
      "--max-accuracy-loss <points>",
      "percentage points that chosen widths may cost on the calibration readings",
      realNumber,
      .02,
    )
    .option(
      "--input-range <min,max>",
      "range of readings (default: as calibrated)",
    )
    .option(
      "--accept-error",
      "write the package though a score loses more than models/README.md promises (else exit code 4)",
    )
    .addOption(
      new Option("--pool <place>", "where averages are taken")
        .choices(["gateway", "cloud"]).default("gateway"),
    )
    .addOption(
      new Option(
        "--reveal <what>",
        "what clients get (default: the label, where there is one)",
      )
        .choices(["scores", "label"]),
    )
    .addOption(
      new Option(
        "--privacy <profile>",
        "how functions guard the weights; sealed: the gateway sees labels alone, and scales become powers of two",
      )
        .choices(["paper", "standard", "strict", "sealed"]).default("standard"),
    )
    .option(
      "--labels <names>",
      "of the scores: a,b,c, JSON, or a file of lines or JSON (default: the file's metadata, labels)",
    )
    .option(
      "--input-names <names>",
      "of the elements or channels of the input, the same way (default: input_names)",
    )
    .option(
      "--units <units>",
      "of the elements or channels of the input, the same way (default: units)",
    )
    .option(
      "--key-bits <bits>",
      "check that the model fits keys of this size",
      wholeNumber(256),
      2048,
    )
    .option("--force", "overwrite what is at --out")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  cipherlayer compile model.onnx --calibrate readings.npy --out package
  cipherlayer compile room.onnx --calibrate room.npy --input-names temperature,humidity,co2 --units °C,%,ppm --labels empty,occupied --out package
  cipherlayer compile model.onnx --calibrate readings.npy --weight-bits 8 --activation-bits 8 --out package
  cipherlayer compile lenet.onnx --calibrate train-images-idx3-ubyte.gz --calibrate-labels train-labels-idx1-ubyte.gz --out package`,
    )
    .action(compile);
}

async function compile(path: string, options: Options): Promise<void> {
  refuseOverwriting(options.out, options.force);
  const source = await findModel(path);
  if (source.kind !== "onnx") {
    throw new UsageError(`Cannot compile ${path}: expected an ONNX file`);
  }
  const onnx = await readBytes(path);
  const count = options.calibrateCount;
  // Unsupported models are refused before anything else is checked.
  const { inputShape, output: outputs, state: states } = options;
  const network = lower(wantedGraph(readOnnx(onnx), { inputShape, outputs }));
  if (!options.calibrate && !options.quantisation && !isGiven(network)) {
    throw new UsageError("Cannot compile: --calibrate FILE is missing");
  }
  checkStates(network, states ?? []);
  const calibration = options.calibrate
    ? await loadReadings(
      options.calibrate,
      inputsOfReadings({ inputs: network.inputs, states: states ?? [] }),
      count,
    )
    : [];
  const calibrationLabels = options.calibrateLabels
    ? await loadClasses(options.calibrateLabels, count)
    : undefined;
  const names = {
    labels: await namesOf(options.labels),
    inputNames: await namesOf(options.inputNames),
    units: await namesOf(options.units),
  };
  const { reveal } = options;
  const name = options.name ?? fileName(path);
  checkCompileOptions(network, {
    ...names,
    name,
    reveal,
    classes: calibrationLabels,
    readings: calibration.length,
  });
  const progress = new Progress();
  const { model, report, check } = compileModel(onnx, {
    ...names,
    name,
    reveal,
    calibration,
    inputShape,
    outputs,
    states,
    calibrationLabels,
    quantisation: options.quantisation
      ? parseQuantisation(await readText(options.quantisation))
      : undefined,
    weightBits: options.weightBits,
    activationBits: options.activationBits,
    maxAccuracyLoss: options.maxAccuracyLoss,
    inputRange: parseRange(options.inputRange),
    acceptError: options.acceptError,
    pool: options.pool,
    privacy: options.privacy,
    onProgress: (text) => progress.step(text),
  });
  progress.end();
  await checkServed(model, { modulusBits: options.keyBits });
  await writePackage(options.out, model);
  const { version } = model.manifest;
  const contract = manifestContract(model.manifest);
  print(
    options.json ?? false,
    { out: options.out, name, version, contract, ...report, check },
    () =>
      `${
        reportText(report, model.manifest.outputs[0].labels)
      }\n${name} ${version} written to ${options.out}${
        keyMark(options.keyBits)
      }\ncontract ${contract}`,
  );
}

function namesOf(given?: string): Promise<NamesOfParts | undefined> {
  return given === undefined ? Promise.resolve(undefined) : loadNames(given);
}

/** A model's name from its file's. */
function fileName(path: string): string {
  return path.replace(/^.*[\\/]/, "").replace(/\.onnx$/, "");
}

function stateOf(text: string, states: StateSpec[] = []): StateSpec[] {
  const [input, output, ...rest] = text.split("=");
  if (input && output && rest.length === 0) {
    return [...states, { input, output }];
  }
  throw new UsageError(`Cannot use --state ${text}: expected INPUT=OUTPUT`);
}

function axisLengths(text: string): number[] {
  return text.split(",").map(wholeNumber(1));
}

function parseRange(text?: string): [number, number] | undefined {
  if (text === undefined) return undefined;
  const [min, max, ...rest] = text.split(",").map(Number);
  if (rest.length === 0 && min < max) return [min, max];
  throw new UsageError(
    `Cannot use --input-range ${text}: expected MIN,MAX`,
  );
}

/** What calibration says of the scores, and what it cannot say. */
function onReadings(
  report: QuantisationReport,
  labels: readonly string[] | null,
): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const {
    readings,
    relativeError,
    worstScore,
    worstScoreError,
    constantScores,
    constantElements,
    agreement,
  } = report;
  const parts = [
    worstScoreError === null
      ? "no score varies, so that nothing is known of their error"
      : `worst score (${labels?.[worstScore!] ?? worstScore}) off by ${
        percent(worstScoreError)
      } of its variation about its mean`,
    `relative error ${percent(relativeError!)}`,
  ];
  if (agreement !== null) {
    parts.push(`same arg-max as the float model ${percent(agreement)}`);
  }
  if (worstScoreError !== null && constantScores > 0) {
    parts.push(`${constantScores} scores hardly vary: little is known of them`);
  }
  if (constantElements > 0) {
    parts.push(`${constantElements} elements of the reading never vary`);
  }
  return `On ${readings} calibration readings: ${parts.join("; ")}`;
}

/**
 * The report for people.
 *
 * @param labels of the scores, where they have names
 */
export function reportText(
  report: QuantisationReport,
  labels: readonly string[] | null = null,
): string {
  const rows = report.rounds.map((round) => [
    round.name,
    round.weightBits,
    round.range ? `${round.range[0]} .. ${round.range[1]}` : "",
    round.bound,
    round.slotBits,
    `${(100 * round.sparsity).toFixed(0)} %`,
    round.signalToNoise === null ? "" : `${round.signalToNoise.toFixed(1)} dB`,
  ]);
  const header = [
    "round",
    "weight bits",
    "activation",
    "bound",
    "slot bits",
    "zeros",
    "signal to noise",
  ];
  const summary = report.readings === 0
    ? ""
    : `\n${onReadings(report, labels)}`;
  return table(header, rows) + summary;
}
