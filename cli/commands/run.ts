/** `cipherlayer run`: a model and readings in, encrypted inferences' answers out. */
import { Command, Option } from "commander";
import { type Answer, displayScores } from "../../sdk/session/answer.ts";
import type { RoundReport } from "../../sdk/session/events.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import type { OutputSpec, Reveal } from "../../sdk/wire/values.ts";
import { compileModel } from "../../models/compiler/compile.ts";
import { readOnnx } from "../../models/compiler/onnx/read.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { lower } from "../../models/compiler/lower/lower.ts";
import { planInference } from "../../models/planner/plan.ts";
import { loadReadings } from "../readings/readings.ts";
import {
  inputsOfReadings,
  simulateSequence,
} from "../../models/simulate/sequence.ts";
import { type Outcome, simulateMany } from "../../models/simulate/simulate.ts";
import { canRevealLabel } from "../../models/package/verify.ts";
import { bitWidths, note, print, tokenOption, UsageError } from "./command.ts";
import { listNumbers } from "../output/numbers.ts";
import { table } from "../output/table.ts";
import {
  addKeyOptions,
  countClamped,
  insecureMark,
  keyChoice,
  type KeyOptions,
  openService,
  samplesAtOnce,
} from "./encrypted.ts";

interface Options extends KeyOptions {
  input: string;
  calibrate?: string;
  weightBits?: number | number[];
  activationBits?: number | number[];
  reveal?: Reveal;
  url?: string;
  token?: string;
  json?: boolean;
}

/** What `run --json` prints. */
export interface RunReport {
  model: string;
  version: string;
  keyBits: number;
  insecure: boolean;
  /** Arithmetic of the gateway. */
  kernel: string;
  /** Readings per inference, side by side in the same ciphertexts. */
  samples: number;
  /** The first output for each reading; null where labels alone are revealed. */
  scores: number[][] | null;
  /** Every output by name for each reading, of a model with several. */
  outputs?: Record<string, number[]>[];
  /** For each reading the best class: its name, or its index where it has none. */
  labels: (string | number)[];
  /** Values of the readings that lay outside the model's range and were moved into it. */
  clamped: number;
  /** Cost of each round, over all inferences. */
  rounds: RoundReport[];
  /** Milliseconds of all inferences, without connecting. */
  totalMs: number;
  /**
   * Largest difference to the integer simulator's scores. Where labels alone are
   * revealed: how far the simulator's score of the label lies below its best.
   */
  maxAbsErrorVsSimulator: number;
}

const calibrationReadings = 1000;

/** `cipherlayer run`: encrypted inferences in one command. */
export function runCommand(): Command {
  return addKeyOptions(
    new Command("run")
      .summary("run a model on readings, encrypted")
      .description(
        "Runs a package, or an ONNX model that it compiles first, on readings: encrypted, over HTTP, with a key of its own. Serves the model on this machine without noise, unless a URL is given, and compares every answer with the simulator's: they must be the same. Values outside the model's range are moved into it.",
      )
      .argument("<model>", "ONNX file, or folder of a package")
      .requiredOption(
        "--input <file>",
        "readings: .npy, IDX (.gz) or CIFAR-10's .bin (.gz)",
      )
      .option(
        "--calibrate <file>",
        "of an ONNX file: readings typical of use (default: those of --input)",
      )
      .option(
        "--weight-bits <bits>",
        "of an ONNX file: as for compile",
        bitWidths,
      )
      .option(
        "--activation-bits <bits>",
        "of an ONNX file: as for compile",
        bitWidths,
      ),
  )
    .addOption(
      new Option(
        "--reveal <what>",
        "what the client gets (default: scores; at a URL: what its owner chose)",
      ).choices(["scores", "label"]),
    )
    .option("--url <url>", "functions that serve the model already")
    .addOption(tokenOption())
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  cipherlayer run model.onnx --calibrate train.npy --input readings.npy
  cipherlayer run model.onnx --weight-bits 12 --activation-bits 12 --input readings.npy
  cipherlayer run package --input readings.npy --insecure-key-bits 512 --json`,
    )
    .action(async (path: string, options: Options) => {
      const report = await run(path, options);
      print(options.json ?? false, report, () => format(report));
      // Functions of others may add noise before they reveal a label.
      const noisy = options.url !== undefined && report.scores === null;
      const difference = report.maxAbsErrorVsSimulator;
      if (difference !== 0 && !noisy) {
        throw new Error(
          `Encrypted answers differ from the simulator's by ${difference}`,
        );
      }
    });
}

async function run(path: string, options: Options): Promise<RunReport> {
  const { url, token, reveal } = options;
  if (url !== undefined && reveal !== undefined) {
    throw new UsageError(
      "Cannot use --reveal with --url: the owner of the functions chose it",
    );
  }
  const choice = keyChoice(options);
  const stored = await openModel(path, options);
  const model = url === undefined ? revealScores(stored, reveal) : stored;
  const { name, version, outputs, states } = model.manifest;
  const inputs = inputsOfReadings(model.manifest);
  const readings = await loadReadings(options.input, inputs);
  if (readings.length === 0) {
    throw new RangeError(`Cannot run: expected readings in ${options.input}`);
  }
  const clamp = true;
  const simulated = states.length > 0
    ? simulateSequence(model, readings, { clamp })
    : simulateMany(
      model,
      readings.map((reading) => quantise(reading, model.manifest, { clamp })),
    );
  // Refuses, naming the round, what does not fit a plaintext.
  planInference(model.manifest, { modulusBits: choice.keyBits, samples: 1 });
  const samples = url === undefined && states.length === 0
    ? samplesAtOnce(model, choice.keyBits, readings.length)
    : 1;

  await using service = await openService(model, choice, {
    url,
    token,
    samples,
  });
  const answers: Answer[] = [], inferences: Answer[] = [];
  for (let from = 0; from < readings.length; from += samples) {
    const batch = await service.session.inferMany(
      readings.slice(from, from + samples),
      { clamp },
    );
    answers.push(...batch);
    inferences.push(batch[0]);
    note(
      `${answers.length} of ${readings.length} readings${insecureMark(choice)}`,
    );
  }
  const differences = answers.map((answer, i) =>
    difference(answer, simulated[i], outputs)
  );
  const scores = answers.flatMap(({ scores }) => scores ? [scores] : []);
  return {
    model: name,
    version,
    ...choice,
    kernel: answers[0].kernel,
    samples,
    scores: scores.length > 0 ? scores : null,
    ...outputs.length > 1
      ? { outputs: answers.flatMap(({ outputs }) => outputs ? [outputs] : []) }
      : {},
    labels: answers.map(({ label, predicted }) => label ?? predicted),
    clamped: countClamped(readings, inputs),
    rounds: inferences.map(({ rounds }) => rounds).reduce(sumRounds),
    totalMs: inferences.reduce((sum, { totalMs }) => sum + totalMs, 0),
    maxAbsErrorVsSimulator: differences.reduce((a, b) => Math.max(a, b)),
  };
}

/** The package in a folder, or what an ONNX file compiles to. */
async function openModel(
  path: string,
  { input, calibrate, weightBits, activationBits }: Options,
): Promise<ModelPackage> {
  if ((await Deno.stat(path)).isDirectory) {
    const settled = Object.entries({
      "--calibrate": calibrate,
      "--weight-bits": weightBits,
      "--activation-bits": activationBits,
    }).find(([, value]) => value !== undefined);
    if (!settled) return await readPackage(path);
    throw new UsageError(
      `Cannot use ${
        settled[0]
      }: expected an ONNX file, got the folder of a package`,
    );
  }
  const onnx = await Deno.readFile(path);
  const { inputs } = lower(readOnnx(onnx));
  const { model } = compileModel(onnx, {
    name: path.replace(/^.*[\\/]/, "").replace(/\.onnx$/, ""),
    calibration: await loadReadings(
      calibrate ?? input,
      inputs,
      calibrationReadings,
    ),
    weightBits,
    activationBits,
    onProgress: note,
  });
  return model;
}

/** Whoever runs a model here holds it: scores are no secret. */
function revealScores(
  { manifest, tensors }: ModelPackage,
  reveal: Reveal = "scores",
): ModelPackage {
  if (reveal === "label" && !canRevealLabel(manifest)) {
    throw new UsageError(
      "Cannot reveal the label: expected a model that ends in a dense layer of two scores or more",
    );
  }
  return { manifest: { ...manifest, reveal }, tensors };
}

function difference(
  answer: Answer,
  simulated: Outcome,
  outputs: readonly OutputSpec[],
): number {
  const expected = outputs.map(({ name, tail }) =>
    displayScores(Array.from(simulated.outputs.get(name)!), tail)
  );
  if (answer.outputs === null) {
    return Math.max(...expected[0]) - expected[0][answer.predicted];
  }
  return outputs.reduce((most, { name }, i) =>
    answer.outputs![name].reduce(
      (max, score, s) => Math.max(max, Math.abs(score - expected[i][s])),
      most,
    ), 0);
}

function sumRounds(left: RoundReport[], right: RoundReport[]): RoundReport[] {
  return left.map((round, i) => ({
    ciphertextsUp: round.ciphertextsUp + right[i].ciphertextsUp,
    ciphertextsDown: round.ciphertextsDown + right[i].ciphertextsDown,
    bytesUp: round.bytesUp + right[i].bytesUp,
    bytesDown: round.bytesDown + right[i].bytesDown,
    encryptMs: round.encryptMs + right[i].encryptMs,
    evaluateMs: round.evaluateMs + right[i].evaluateMs,
    decryptMs: round.decryptMs + right[i].decryptMs,
    totalMs: round.totalMs + right[i].totalMs,
  }));
}

function format(report: RunReport): string {
  const { labels, scores, outputs, clamped, maxAbsErrorVsSimulator } = report;
  const mark = insecureMark(report);
  const header = [
    "round",
    "ciphertexts up",
    "down",
    "KB up",
    "KB down",
    "encrypt ms",
    "evaluate ms",
    "decrypt ms",
    "total ms",
  ];
  const rows = report.rounds.map((round, index) => [
    index + 1,
    round.ciphertextsUp,
    round.ciphertextsDown,
    ...[
      round.bytesUp / 1e3,
      round.bytesDown / 1e3,
      round.encryptMs,
      round.evaluateMs,
      round.decryptMs,
      round.totalMs,
    ].map(Math.round),
  ]);
  const shown = labels.slice(0, 20).map((label, i) => {
    const others = Object.entries(outputs?.[i] ?? {}).slice(1);
    return [
      `${i}: ${label}`,
      ...scores ? [listNumbers(scores[i])] : [],
      ...others.map(([name, values]) => `${name} ${listNumbers(values)}`),
    ].join("  ");
  });
  if (labels.length > 20) shown.push(`... ${labels.length} in all`);
  const seconds = report.totalMs / 1000;
  return [
    `${report.model} ${report.version}, ${report.keyBits}-bit key, ${report.kernel} kernel, ${report.samples} readings an inference${mark}`,
    "",
    table(header, rows),
    "",
    ...shown,
    "",
    `${seconds.toFixed(2)} s, ${
      (seconds / labels.length).toFixed(3)
    } s a reading${mark}`,
    maxAbsErrorVsSimulator === 0
      ? "every answer equals the simulator's"
      : `answers differ from the simulator's by up to ${maxAbsErrorVsSimulator}`,
    ...clamped > 0
      ? [`${clamped} values outside the model's range were moved into it`]
      : [],
  ].join("\n");
}
