import { deepEqual, equal, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { accumulatorBound } from "../../models/package/bounds.ts";
import { readPackage } from "../../models/package/read_package.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { simulate, simulateMany } from "../../models/simulate/simulate.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { connect } from "../../sdk/session/session.ts";
import { digitSample, digitSamples } from "../../examples/digits/samples.ts";
import {
  randomReading,
  tinyDense,
  tinyLeNet,
  tinyResidual,
  tinySignal,
} from "../reference/tiny_models.ts";
import { testKey } from "../vectors/keys.ts";
import { startCloud } from "../support/cloud.ts";
import { type SentTensor, Wiretap } from "../support/opened_requests.ts";

/** Reals that the input's quantisation takes to these integers. */
function asReals(model: ModelPackage, integers: Float64Array): Float64Array {
  const [{ scale: [scale], offset: [offset] }] = model.manifest.inputs;
  return integers.map((integer) => integer * scale + offset);
}

/**
 * Channels of a tensor over all samples, in an order of their own: the cloud
 * shuffles channels between rounds, and the same way for every sample.
 */
function channelsOf(samples: ArrayLike<number>[], channels: number): string[] {
  const size = samples[0].length / channels;
  return Array.from(
    { length: channels },
    (_, channel) =>
      samples.map((values) =>
        Array.from(values).slice(channel * size, (channel + 1) * size).join()
      ).join(";"),
  ).sort();
}

/** Encrypted inference of `readings` at once; every round against the simulator. */
async function checkExactness(
  model: ModelPackage,
  readings: Float64Array[],
  keyBits: 512 | 2048,
): Promise<void> {
  await using cloud = startCloud([model]);
  using owner = new PaillierEngine(testKey(keyBits));
  const tap = new Wiretap(owner);
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys: owner,
    samples: readings.length,
    fetch: tap.fetch,
  });
  const answers = await session.inferMany(
    readings.map((reading) => asReals(model, reading)),
  );

  const expected = readings.map((reading) => simulate(model, reading));
  const [{ scale: [scale] }] = model.manifest.outputs;
  answers.forEach((answer, sample) => {
    const { integers } = expected[sample];
    deepEqual(answer.scores, Array.from(integers, (x) => x * scale));
    equal(answer.predicted, integers.indexOf(Math.max(...integers)));
    equal(answer.rounds.length, model.manifest.rounds.length);
  });

  const written = new Map(
    model.manifest.rounds.map(({ writes }, round) => [writes, round]),
  );
  ok(tap.sent.length >= model.manifest.rounds.length);
  for (const { tensor, samples, round } of tap.sent satisfies SentTensor[]) {
    const source = written.get(tensor);
    if (source === undefined) {
      deepEqual(samples, readings.map((reading) => Array.from(reading)));
      continue;
    }
    const simulated = expected.map(({ rounds }) =>
      rounds[source].activation.samples[0]
    );
    const channels = expected[0].rounds[source].activation.shape[0];
    deepEqual(
      channelsOf(samples, channels),
      channelsOf(simulated, channels),
      `"${tensor}" as round ${round} reads it`,
    );
  }
}

const tiny = {
  dense: tinyDense(),
  residual: tinyResidual(),
  signal: tinySignal(),
  LeNet: tinyLeNet(),
};

for (const [name, model] of Object.entries(tiny)) {
  for (const samples of [1, 3]) {
    Deno.test(`encrypted equals simulated in every round: tiny ${name}, ${samples} samples`, async () => {
      for (const seed of [11, 12]) {
        const readings = Array.from(
          { length: samples },
          (_, i) => randomReading(model, 10 * seed + i),
        );
        await checkExactness(model, readings, 512);
      }
    });
  }
}

Deno.test("an encrypted inference with a registered activation equals the simulated one", async () => {
  const model = tinyDense();
  model.manifest.rounds[0].steps = [{
    op: "custom",
    name: "softsign",
    inputScale: 1 / 64,
    outputScale: 1 / 31,
    low: -31,
    high: 31,
  }];
  const term = model.manifest.rounds[1].terms[0];
  [term.low, term.high] = [-31, 31];
  model.manifest.rounds[1].bound = accumulatorBound(
    model.manifest.rounds[1],
    model.tensors,
  );
  const activations = new Map([
    ["softsign", (x: number) => x / (1 + Math.abs(x))],
  ]);
  await using cloud = startCloud([model]);
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys: testKey(512),
    activations,
  });
  const reading = randomReading(model, 77);
  const answer = await session.infer(asReals(model, reading));
  const { scores } = simulate(model, reading, activations);
  deepEqual(answer.scores, Array.from(scores));
});

const lenetFolder = "models/zoo/lenet-mnist/package";
const ignore = !existsSync(`${lenetFolder}/manifest.json`);

/** Integers of one of the project's own pictures, as the model's input wants them. */
function digitReading(model: ModelPackage, index: number): Float64Array {
  const reals = Float64Array.from(digitSample(index).picture, (v) => v / 255);
  return quantise(reals, model.manifest);
}

for (
  const [samples, keyBits] of [[1, 512], [3, 512], [1, 2048]] as const
) {
  Deno.test({
    name:
      `encrypted equals simulated in every round: LeNet, ${samples} samples, ${keyBits} bits`,
    ignore,
    fn: async () => {
      const model = await readPackage(lenetFolder);
      const readings = Array.from(
        { length: samples },
        (_, i) => digitReading(model, 4 + i),
      );
      await checkExactness(model, readings, keyBits);
    },
  });
}

Deno.test({
  name: "all of the project's own pictures are classified rightly",
  ignore,
  fn: async () => {
    const model = await readPackage(lenetFolder);
    const readings = Array.from(
      { length: digitSamples },
      (_, index) => digitReading(model, index),
    );
    const predicted = simulateMany(model, readings).map(({ integers }) =>
      integers.indexOf(Math.max(...integers))
    );
    const shown = predicted.map((_, index) => digitSample(index).digit);
    deepEqual(predicted, shown);
  },
});
