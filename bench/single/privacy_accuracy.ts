/**
 * Accuracy with every protection on against accuracy with all off, over the MNIST
 * test pictures, by the simulator with the functions' own noise.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { disturbance } from "../../functions/rounds/privacy/guard_answers.ts";
import { modelRandom } from "../../functions/rounds/privacy/model_secret.ts";
import { deriveKey } from "../../functions/rounds/privacy/seed.ts";
import { readPackage } from "../../models/package/read_package.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { planInference } from "../../models/planner/plan.ts";
import {
  type GuardedModel,
  guardModel,
} from "../../models/protections/guard_model.ts";
import { protectionsOf } from "../../models/protections/profile.ts";
import { loadClasses, loadReadings } from "../../cli/readings/readings.ts";
import { simulateMany } from "../../models/simulate/simulate.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { answerCiphertexts } from "../../sdk/fixed_point/layout.ts";
import { argMax } from "../../models/compiler/quantise/report.ts";

const mnistFolder = fileURLToPath(
  new URL("../../../shared/data/mnist", import.meta.url),
);
const readingsAtOnce = 500;
const sealingKey = new Uint8Array(32).fill(1);

/** Right answers on the first `count` test pictures, without and with protections. */
export async function rightAnswers(
  folder: string,
  count: number,
  onResult: (name: string, right: number, of: number) => void = () => {},
): Promise<Map<string, number>> {
  const model = await readPackage(
    fileURLToPath(
      new URL("../../models/zoo/lenet-mnist/package", import.meta.url),
    ),
  );
  const { inputs } = model.manifest;
  const readings = await loadReadings(
    `${folder}/t10k-images-idx3-ubyte.gz`,
    inputs,
    count,
  );
  const pictures: Pictures = {
    integers: readings.map((reading) =>
      quantise(reading, model.manifest, { clamp: true })
    ),
    classes: await loadClasses(`${folder}/t10k-labels-idx1-ubyte.gz`, count),
  };
  const results = new Map<string, number>();
  const add = (name: string, right: number) => {
    results.set(name, right);
    onResult(name, right, pictures.classes.length);
  };
  add("off", await countRight(model, pictures));
  for (const privacy of ["standard", "strict"] as const) {
    const manifest = { ...model.manifest, privacy, reveal: "label" as const };
    const guarded = guardModel(
      { ...model, manifest },
      protectionsOf(manifest),
      modelRandom(sealingKey, manifest),
    );
    add(
      privacy,
      await countRight(
        guarded.model,
        pictures,
        (from, to) => noiseOf(guarded, from, to),
      ),
    );
  }
  return results;
}

interface Pictures {
  integers: Float64Array[];
  classes: number[];
}

type Disturb = (
  round: number,
  accumulators: Float64Array,
  reading: number,
) => void;

/**
 * The noise of readings from..to-1, each of a separate request. Slots are
 * independent: it does not matter which accumulator each of them falls to.
 */
async function noiseOf(
  { model, guards }: GuardedModel,
  from: number,
  to: number,
): Promise<Disturb> {
  const { rounds } = planInference(model.manifest, {
    modulusBits: 2048,
    samples: 1,
  });
  const drawn: Float64Array[][] = [];
  for (let reading = from; reading < to; reading++) {
    const request = new TextEncoder().encode(`reading ${reading}`);
    const seed = deriveKey(sealingKey, "benchmark", request);
    drawn.push(
      await Promise.all(rounds.map(async ({ layout }, round) => {
        const guard = guards[round];
        if (guard.kind !== "disturbed") return new Float64Array();
        const range = { from: 0, to: answerCiphertexts(layout) };
        const noise = await disturbance(guard.amplitude, layout, range, seed);
        return Float64Array.from(noise.flatMap((values) => [...values]));
      })),
    );
  }
  return (round, accumulators, reading) =>
    drawn[reading][round].subarray(0, accumulators.length).forEach(
      (noise, i) => accumulators[i] += noise,
    );
}

async function countRight(
  evaluated: ModelPackage,
  { integers, classes }: Pictures,
  disturbanceOf?: (from: number, to: number) => Promise<Disturb>,
): Promise<number> {
  let right = 0;
  for (let from = 0; from < integers.length; from += readingsAtOnce) {
    const to = Math.min(integers.length, from + readingsAtOnce);
    const disturb = await disturbanceOf?.(from, to);
    const outcomes = simulateMany(evaluated, integers.slice(from, to), {
      disturb,
    });
    outcomes.forEach((outcome, i) => {
      const label = outcome.integers.length === 1
        ? outcome.integers[0]
        : argMax([...outcome.integers]);
      if (label === classes[from + i]) right++;
    });
  }
  return right;
}

if (import.meta.main) {
  const command = new Command("bench/single/privacy_accuracy.ts")
    .description("Accuracy with every protection on and with all off.")
    .argument("[folder]", "of MNIST's test files")
    .option("--count <n>", "the first pictures", wholeNumber(1), 10_000);
  const { count } = readScriptArguments(command);
  const [folder = mnistFolder] = command.args;
  await rightAnswers(folder, count, (name, right, of) => {
    const share = (100 * right / of).toFixed(2);
    console.log(`${name}: ${right} of ${of} right, ${share} %`);
  });
}
