/**
 * `cipherlayer run`: a model and readings in, encrypted inferences' answers out.
 *
 * @module
 */
import { Command, Option } from "commander";
import { type Answer, displayScores } from "../../sdk/session/answer.ts";
import type { RoundReport } from "../../sdk/session/events.ts";
import { eachReading } from "../../sdk/fixed_point/reading.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import type { OutputSpec, Reveal } from "../../sdk/wire/values.ts";
import { compileModel } from "../../models/compiler/compile.ts";
import { readOnnx } from "../../models/compiler/onnx/read.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { readBytes } from "../../models/package/read_file.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { lower } from "../../models/compiler/lower/lower.ts";
import { planInference } from "../../models/planner/plan.ts";
import { planSealed } from "../../models/planner/sealed.ts";
import { loadReadings } from "../readings/readings.ts";
import {
  inputsOfReadings,
  simulateSequence,
} from "../../models/simulate/sequence.ts";
import { type Outcome, simulateMany } from "../../models/simulate/simulate.ts";
import { canRevealLabel } from "../../models/package/verify.ts";
import { readableKinds } from "../readings/array_file.ts";
import {
  bitWidths,
  note,
  print,
  ReportedError,
  tokenOption,
  urlOption,
  UsageError,
  wholeNumber,
} from "./command.ts";
import {
  findModel,
  type ModelSource,
  packageArgument,
} from "./model_argument.ts";
import { inferServed } from "./run_served.ts";
import { formatRun, type RunReport } from "./run_report.ts";
import {
  addKeyOptions,
  countClamped,
  insecureMark,
  type KeyChoice,
  keyChoice,
  type KeyOptions,
  openService,
  samplesAtOnce,
} from "./encrypted.ts";

interface Options extends KeyOptions {
  input: string;
  count?: number;
  calibrate?: string;
  weightBits?: number | number[];
  activationBits?: number | number[];
  reveal?: Reveal;
  url?: string;
  token?: string;
  json?: boolean;
}

const calibrationReadings = 1000;

/** `cipherlayer run`: encrypted inferences in one command. */
export function runCommand(): Command {
  return addKeyOptions(
    new Command("run")
      .summary("run a model on readings, encrypted")
      .description(
        "Runs a package, or an ONNX model that it compiles first, on readings: encrypted, over HTTP, with a fresh key. Serves the model on this machine without noise, unless a URL is given, and compares every answer with the simulator's: they must be the same. Values outside the model's range are moved into it.",
      )
      .argument(
        "<model>",
        `${packageArgument}; an ONNX file; or a URL with the name of a model`,
      )
      .requiredOption(
        "--input <file>",
        `readings: ${readableKinds}`,
      )
      .option("--count <n>", "readings to use at most", wholeNumber(1))
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
        "what the client gets (default: scores, of a sealed model the label; at a URL: what its owner chose)",
      ).choices(["scores", "label"]),
    )
    .addOption(urlOption("functions that serve the model already"))
    .addOption(tokenOption())
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  cipherlayer run model.onnx --calibrate train.npy --input readings.npy
  cipherlayer run model.onnx --weight-bits 12 --activation-bits 12 --input readings.npy
  cipherlayer run http://127.0.0.1:8000/occupancy --input room.csv
  cipherlayer run occupancy --input room.csv --insecure-key-bits 512 --json`,
    )
    .action(async (path: string, given: Options, command: Command) => {
      const isServed = /^https?:/.test(path);
      // An address in the environment says nothing beside one in the argument.
      const options = isServed && command.getOptionValueSource("url") === "env"
        ? { ...given, url: undefined }
        : given;
      const report = await run(path, options);
      print(options.json ?? false, report, () => formatRun(report));
      // Functions of others may add noise before they reveal a label.
      const noisy = options.url !== undefined && report.scores === null;
      const difference = report.maxAbsErrorVsSimulator;
      if (difference && !noisy) {
        throw new ReportedError(
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
  const source = await findModel(path);
  if (source.kind === "served") return await runServed(source, choice, options);
  const stored = await openModel(source, options);
  const model = url === undefined ? revealAs(stored, reveal) : stored;
  const { name, version, outputs, states } = model.manifest;
  const inputs = inputsOfReadings(model.manifest);
  const readings = await loadReadings(options.input, inputs, options.count);
  const clamp = true;
  const simulated = states.length > 0
    ? simulateSequence(model, readings, { clamp })
    : simulateMany(
      model,
      eachReading(
        readings,
        (reading) => quantise(reading, model.manifest, { clamp }),
      ),
    );
  // Refuses, naming the round, what does not fit a plaintext.
  const size = { modulusBits: choice.keyBits, samples: 1 };
  if (model.manifest.privacy === "sealed") planSealed(model, size);
  else planInference(model.manifest, size);
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
  return {
    model: name,
    version,
    ...choice,
    kernel: answers[0].kernel,
    samples,
    ...reported(answers, inferences),
    clamped: countClamped(readings, inputs),
    maxAbsErrorVsSimulator: differences.reduce((a, b) => Math.max(a, b)),
  };
}

/** Of a model whose package functions alone have: nothing is compared. */
async function runServed(
  { url, model }: { url: string; model: string },
  choice: KeyChoice,
  { input, count, token, reveal, url: second }: Options,
): Promise<RunReport> {
  if (reveal !== undefined || second !== undefined) {
    throw new UsageError(
      "Cannot use --reveal or --url with a model of functions: the address says where, and its owner what it reveals",
    );
  }
  const { version, answers, clamped } = await inferServed({
    ...{ url, model, token, choice, input, count },
  });
  return {
    model,
    version,
    ...choice,
    kernel: answers[0].kernel,
    samples: 1,
    ...reported(answers, answers),
    clamped,
    maxAbsErrorVsSimulator: null,
  };
}

/**
 * What answers say, and what their inferences cost.
 *
 * @param inferences one answer of each
 */
function reported(answers: readonly Answer[], inferences: readonly Answer[]) {
  const scores = answers.flatMap(({ scores }) => scores ? [scores] : []);
  const outputs = answers.flatMap(({ outputs }) =>
    outputs && Object.keys(outputs).length > 1 ? [outputs] : []
  );
  return {
    scores: scores.length > 0 ? scores : null,
    ...outputs.length > 0 ? { outputs } : {},
    labels: answers.map(({ label, predicted }) => label ?? predicted),
    rounds: inferences.map(({ rounds }) => rounds).reduce(sumRounds),
    totalMs: inferences.reduce((sum, { totalMs }) => sum + totalMs, 0),
  };
}

/** The package in a folder, or what an ONNX file compiles to. */
async function openModel(
  source: Exclude<ModelSource, { kind: "served" }>,
  { input, calibrate, weightBits, activationBits }: Options,
): Promise<ModelPackage> {
  if (source.kind === "package") {
    const settled = Object.entries({
      "--calibrate": calibrate,
      "--weight-bits": weightBits,
      "--activation-bits": activationBits,
    }).find(([, value]) => value !== undefined);
    if (!settled) return await readPackage(source.folder);
    throw new UsageError(
      `Cannot use ${
        settled[0]
      }: expected an ONNX file, got the folder of a package`,
    );
  }
  const { path } = source;
  const onnx = await readBytes(path);
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

/** The user of a local model holds it: scores are no secret, but of a sealed one. */
function revealAs(
  { manifest, tensors }: ModelPackage,
  chosen: Reveal | undefined,
): ModelPackage {
  const sealed = manifest.privacy === "sealed";
  if (sealed && chosen === "scores") {
    throw new UsageError(
      "Cannot reveal scores: expected a model that is not sealed",
    );
  }
  const reveal = chosen ?? (sealed ? "label" : "scores");
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
  return outputs.reduce((largest, { name }, i) =>
    answer.outputs![name].reduce(
      (max, score, s) => Math.max(max, Math.abs(score - expected[i][s])),
      largest,
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
