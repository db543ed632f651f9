/**
 * From an ONNX file and calibration readings to a model package.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import type { Reveal } from "../../sdk/wire/values.ts";
import type { FloatNetwork } from "./ir.ts";
import type { OnnxGraph } from "./onnx/graph.ts";
import { readOnnx } from "./onnx/read.ts";
import {
  type ModelPackage,
  packageFormat,
  type PrivacyProfile,
} from "../package/format.ts";
import { multipliesByPowersOfTwo } from "../../sdk/wire/check_interface.ts";
import { checkSealable } from "./unsealable.ts";
import { namesIn, type NamesOfParts, scoreName, withNames } from "./names.ts";
import { outputSpecs } from "./quantise/outputs.ts";
import type { StateSpec } from "../../sdk/wire/values.ts";
import { lengthWithoutStates, readingsWithStates } from "./states.ts";
import { prepareGraph } from "./lower/prepare.ts";
import { withOutputs } from "./lower/cut.ts";
import { withInputShape } from "./lower/input_shape.ts";
import { lower } from "./lower/lower.ts";
import {
  compareWithGraph,
  type IndependentCheck,
} from "./reference/compare.ts";
import { chooseBits } from "./quantise/choose_bits.ts";
import { isGiven, readingsWithin, usedBits } from "./quantise/given.ts";
import { chooseInputs, quantiseInputs } from "./quantise/inputs.ts";
import { type BitWidths, quantiseRounds } from "./quantise/quantise.ts";
import {
  checkPrescription,
  prescribedBits,
  prescribedInputs,
  type PrescribedQuantisation,
} from "./quantise/prescribed.ts";
import {
  errorLimits,
  hasClasses,
  refuseInaccurate,
} from "./quantise/promise.ts";
import { withPowersOfTwo } from "./quantise/power_of_two.ts";
import { floatStatistics } from "./quantise/statistics.ts";
import { type QuantisationReport, report } from "./quantise/report.ts";
import { canRevealLabel, verifyPackage } from "../package/verify.ts";

export interface CompileOptions {
  /** Name under which functions offer the model. */
  name: string;
  /**
   * Readings typical of use, each one sample's elements in row-major order. May be
   * empty with `quantisation`, and for models that are quantised from the reading on:
   * they are tried on random readings.
   */
  calibration: ArrayLike<number>[];
  /** Shape of the input, batch axis first, where the file leaves lengths open. */
  inputShape?: number[];
  /** Tensors of the graph that the model gives. Default: the file's outputs. */
  outputs?: string[];
  /**
   * Inputs that the gateway sets to what an output was the time before. Readings follow
   * each other then, and hold the other inputs.
   */
  states?: StateSpec[];
  /** Right classes of the calibration readings, for `maxAccuracyLoss`. */
  calibrationLabels?: ArrayLike<number>;
  /** Names of the scores, in order; by output where there are several. Default: the file's. */
  labels?: NamesOfParts;
  /** Names of a vector's elements or a map's channels, as readings give them by name. */
  inputNames?: NamesOfParts;
  /** Units of the same, or one for all. */
  units?: NamesOfParts;
  /**
   * Bits of the weights, one number or one a round. Left out: chosen from 2 to 8,
   * as few as the accuracy allows.
   */
  weightBits?: number | number[];
  /**
   * Bits of the activations, one number, or one for the reading and one for each
   * round but the last. Left out: chosen from 4 to 8.
   */
  activationBits?: number | number[];
  /** Percentage points of accuracy that chosen bit widths may cost. Default 0.02. */
  maxAccuracyLoss?: number;
  /** What quantisation-aware training has fixed: nothing is chosen, nothing calibrated. */
  quantisation?: PrescribedQuantisation;
  /**
   * How the functions guard the weights; `sealed` scales by powers of two alone. Default
   * `standard`.
   */
  privacy?: PrivacyProfile;
  /**
   * What clients get. Default: the `label` alone, or `scores` where the model does not
   * end in a dense layer of two scores or more.
   */
  reveal?: Reveal;
  /** Where averages are taken. Default: at the gateway. */
  pool?: "gateway" | "cloud";
  /** Write the package though a score loses more than is promised (models/README.md). */
  acceptError?: boolean;
  /** Least and most reading. Default: those seen in calibration. */
  inputRange?: [min: number, max: number];
  onProgress?: (message: string) => void;
}

export interface Compilation {
  model: ModelPackage;
  report: QuantisationReport;
  /** How far the rounds agree with an evaluation of the ONNX graph, node by node. */
  check: IndependentCheck;
  /** The same network before quantisation. */
  network: FloatNetwork;
}

/**
 * Compiles a model.
 *
 * @param onnx bytes of the file, opset 7 to 21
 * @throws {UnsupportedModelError} with every node that cannot be expressed
 * @throws {InaccurateModelError} where a score loses more than is promised, without
 * `acceptError`
 * @throws {RangeError} where the file is corrupt, calibration data or bit widths do
 * not fit the model, the rounds differ from the graph's own evaluation, or a sealed
 * model would reveal scores
 */
export function compileModel(
  onnx: Uint8Array,
  options: CompileOptions,
): Compilation {
  const read = readOnnx(onnx);
  const graph = wantedGraph(read, options);
  const network = lower(graph, { pool: options.pool });
  const { onProgress, states = [] } = options;
  checkCalibration(network, options);
  const calibration = options.calibration.length === 0 && isGiven(network)
    ? readingsWithin(network)
    : readingsWithStates(network, options.calibration, states);
  onProgress?.(
    `${network.rounds.length} rounds; calibrating on ${calibration.length} readings`,
  );
  const statistics = floatStatistics(network, calibration);
  const check = compareWithGraph(graph, network, calibration, statistics);
  const shiftsOnly = options.privacy === "sealed";
  const prescribed = options.quantisation && shiftsOnly
    ? withPowersOfTwo(options.quantisation)
    : options.quantisation;
  if (prescribed) checkPrescription(network, prescribed);
  const asked = prescribed
    ? prescribedBits(prescribed)
    : requestedBits(network, options) ??
      chooseBits(network, statistics, { ...options, calibration });
  const inputs = prescribed
    ? prescribedInputs(network, prescribed)
    : chooseInputs(network, calibration, asked.input, options.inputRange);
  const rounds = quantiseRounds(network, {
    statistics,
    inputs: quantiseInputs(network, calibration, inputs),
    bits: asked,
    prescribed,
    shiftsOnly,
    scoresApart: !hasClasses(network, options),
  });
  const bits = usedBits(network, asked, rounds);
  const names = namesIn(graph.metadata, options);
  const specs = rounds.map(({ spec }) => spec);
  const outputs = withNames(
    "output",
    outputSpecs(network, rounds),
    names.labels,
  );
  const tensors = new Map(rounds.flatMap((round) => [...round.tensors]));
  const manifest: ModelPackage["manifest"] = {
    format: packageFormat,
    name: options.name,
    version: "",
    inputs: withNames("input", inputs, names.inputNames, names.units),
    rounds: specs,
    outputs,
    states,
    privacy: options.privacy ?? "standard",
    reveal: options.reveal ??
      (states.length === 0 && canRevealLabel({ rounds: specs, outputs })
        ? "label"
        : "scores"),
    powerOfTwo: multipliesByPowersOfTwo(specs),
    provenance: {
      source: encodeHex(sha256(onnx)),
      producer: graph.producer,
      opset: graph.opset,
      calibrationSamples: options.calibration.length,
      pool: options.pool ?? "gateway",
      inputBits: bits.input,
      weightBits: bits.weights.join("/"),
      activationBits: bits.activations.slice(0, -1).join("/"),
    },
    files: {},
  };
  if (shiftsOnly) checkSealable(manifest);
  manifest.version = versionOf(manifest, tensors);
  const done = report(network, {
    statistics,
    rounds,
    bits,
    hasClasses: hasClasses(network, options),
  });
  checkPromise(done, options);
  const model = { manifest, tensors };
  verifyPackage(model);
  return { model, report: done, check, network };
}

/** The file's graph, cut and of the shape that is asked for. */
export function wantedGraph(
  graph: OnnxGraph,
  { outputs, inputShape }: Pick<CompileOptions, "outputs" | "inputShape">,
): OnnxGraph {
  const plain = prepareGraph(graph);
  const cut = outputs ? withOutputs(plain, outputs) : plain;
  return inputShape ? withInputShape(cut, inputShape) : cut;
}

function checkPromise(
  report: QuantisationReport,
  options: CompileOptions,
): void {
  const limits = errorLimits(options);
  const { worstScore, worstScoreError } = report;
  if (!limits || options.acceptError || worstScore === null) return;
  if (worstScoreError! <= limits.max) return;
  const score = scoreName(options.labels, worstScore);
  const worst = { score, error: worstScoreError! };
  refuseInaccurate(worst, limits.max, "with the bit widths used", report);
}

function checkCalibration(
  network: FloatNetwork,
  { calibration, quantisation, inputRange, states = [] }: CompileOptions,
): void {
  const needed = quantisation === undefined && !isGiven(network);
  const [min, max] = inputRange ?? [-Infinity, Infinity];
  const length = lengthWithoutStates(network, states);
  const shape = network.inputs.map(({ shape }) => shape.join(", ")).join("; ");
  if (needed && calibration.length === 0) {
    throw new RangeError(
      "Cannot calibrate: expected one reading or more, got 0",
    );
  }
  calibration.forEach((reading, i) => {
    if (reading.length !== length) {
      throw new RangeError(
        `Cannot calibrate: expected readings of ${length} elements (shape [${shape}]), got ${reading.length} in reading ${i}`,
      );
    }
    for (let j = 0; j < length; j++) {
      if (!Number.isFinite(reading[j])) {
        throw new RangeError(
          `Cannot calibrate: reading ${i} holds ${reading[j]} at element ${j}`,
        );
      }
      if (reading[j] < min || reading[j] > max) {
        throw new RangeError(
          `Cannot calibrate: reading ${i} holds ${
            reading[j]
          } at element ${j}, outside of the range given`,
        );
      }
    }
  });
}

/** The widths asked for, null where the compiler is to choose. */
function requestedBits(
  { rounds }: FloatNetwork,
  { weightBits, activationBits }: CompileOptions,
): BitWidths | null {
  if (weightBits === undefined && activationBits === undefined) return null;
  const weights = widths("weight", weightBits ?? 8, rounds.length, [2, 16]);
  const [input, ...activations] = widths(
    "activation",
    activationBits ?? 8,
    rounds.length,
    [1, 16],
  );
  return { input, weights, activations: [...activations, 0] };
}

function widths(
  what: string,
  given: number | number[],
  count: number,
  [min, max]: [number, number],
): number[] {
  const list = typeof given === "number" ? Array(count).fill(given) : given;
  if (list.length !== count) {
    throw new RangeError(
      `Cannot quantise: expected ${count} ${what} widths, got ${list.length}`,
    );
  }
  for (const bits of list) {
    if (!Number.isInteger(bits) || bits < min || bits > max) {
      throw new RangeError(
        `Cannot quantise: expected ${what} widths of ${min} to ${max} bits, got ${bits}`,
      );
    }
  }
  return list;
}

/** First digits of a hash of everything that an answer depends on. */
function versionOf(
  manifest: ModelPackage["manifest"],
  tensors: ModelPackage["tensors"],
): string {
  const hash = sha256.create();
  hash.update(new TextEncoder().encode(JSON.stringify(manifest)));
  for (const [name, { shape, data }] of tensors) {
    hash.update(new TextEncoder().encode(`${name} ${shape}`));
    hash.update(new TextEncoder().encode(data.join()));
  }
  return encodeHex(hash.digest()).slice(0, 12);
}
