/** Compiles one ONNX file on seeded readings and prints what came of it, as JSON. */
import { compileModel } from "../../models/compiler/compile.ts";
import {
  readingLength,
  runFloat,
} from "../../models/compiler/float_reference.ts";
import type { FloatNetwork } from "../../models/compiler/ir.ts";
import { givenRounds } from "../../models/compiler/quantise/given.ts";
import { lower } from "../../models/compiler/lower/lower.ts";
import { UnsupportedModelError } from "../../models/compiler/lower/unsupported.ts";
import { readOnnx } from "../../models/compiler/onnx/read.ts";
import {
  agreement,
  firstOutput,
  outputErrors,
} from "../../models/compiler/quantise/report.ts";
import { simulateMany } from "../../models/simulate/simulate.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { seededUnit } from "../shared/seeded.ts";

/** What a line of the table says of a file. */
export type Outcome = Compiled | { refused: string } | { failed: string };

export interface Compiled {
  rounds: number;
  weights: number;
  /** Whether bit widths were chosen, given (8 everywhere) or a quantised model's own. */
  bits: "chosen" | "given" | "its own";
  weightBits: string;
  /** Of the worst score about its mean, on unseen readings; null where none varies. */
  error: number | null;
  /** On unseen readings; null where there are no classes. */
  agreement: number | null;
  lowerSeconds: number;
  compileSeconds: number;
  peakMegabytes: number;
}

/** Nets of more rounds get 8 bits everywhere: the choice takes minutes. */
const maxRoundsToChoose = 8;

/** Elements of all readings together, at most. */
const maxElements = 4e6;

function compileOne(path: string): Outcome {
  const onnx = Deno.readFileSync(path);
  const started = performance.now();
  try {
    const network = lower(readOnnx(onnx));
    const lowered = performance.now();
    const length = readingLength(network);
    const count = Math.max(8, Math.min(96, Math.floor(maxElements / length)));
    const unit = seededUnit(1);
    const draw = drawOf(network);
    const readings = Array.from(
      { length: count },
      () => Float64Array.from({ length }, () => draw(unit)),
    );
    const unseen = readings.splice(0, Math.ceil(count / 3));
    const own = givenRounds(network).size === network.rounds.length;
    const chosen = network.rounds.length <= maxRoundsToChoose;
    const bits = chosen || own ? undefined : 8;
    const { model, report } = compileModel(onnx, {
      name: "model",
      calibration: readings,
      weightBits: bits,
      activationBits: bits,
      acceptError: true,
    });
    const compiled = performance.now();
    const wanted = unseen.map((reading) => runFloat(network, reading));
    const got = simulateMany(
      model,
      unseen.map((reading) =>
        quantise(reading, model.manifest, { clamp: true })
      ),
    ).map(({ outputs }) =>
      Float64Array.from([...outputs.values()].flatMap((part) => [...part]))
    );
    return {
      rounds: network.rounds.length,
      weights: network.rounds.flatMap(({ terms }) => terms)
        .reduce((sum, { map }) => sum + map.weights.length, 0),
      bits: own ? "its own" : chosen ? "chosen" : "given",
      weightBits: [...new Set(report.rounds.map((r) => r.weightBits))]
        .toSorted((a, b) => a - b).join("/"),
      error: outputErrors(network, wanted, got).worst?.error ?? null,
      agreement: report.agreement === null ? null : agreement(
        wanted.map((values) => firstOutput(network, values)),
        got.map((values) => firstOutput(network, values)),
      ),
      lowerSeconds: (lowered - started) / 1000,
      compileSeconds: (compiled - started) / 1000,
      peakMegabytes: peakMegabytes(),
    };
  } catch (error) {
    const { message } = error as Error;
    return error instanceof UnsupportedModelError
      ? { refused: message }
      : { failed: message };
  }
}

/** Readings of noise: normal, or integers where a model of integers says nothing of them. */
function drawOf(network: FloatNetwork): (unit: () => number) => number {
  const isOpen = network.inputs.some(({ grid }) => grid === null);
  return givenRounds(network).size > 0 && isOpen
    ? (unit) => Math.floor(unit() * 256) - 128
    : normal;
}

/** A draw of the standard normal distribution. */
function normal(unit: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - unit()));
  return radius * Math.cos(2 * Math.PI * unit());
}

/** Largest resident set so far (Linux). */
function peakMegabytes(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024;
}

console.log(JSON.stringify(compileOne(Deno.args[0])));
