/**
 * Sealed inferences against the integer simulator: labels, and every activation, which
 * the test puts together from what the two sides hold.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { packInputs } from "../../../../sdk/fixed_point/packing.ts";
import {
  shareAddend,
  shareMasks,
} from "../../../../functions/rounds/sealed/seeds.ts";
import { sumInSlots } from "../../../../sdk/garbling/rounds/plaintexts.ts";
import { writersOf } from "../../../../sdk/wire/dataflow.ts";
import type { ModelPackage } from "../../../../models/package/format.ts";
import { readPackage } from "../../../../models/package/read_package.ts";
import { simulate } from "../../../../models/simulate/simulate.ts";
import type { SealedInference } from "../../../../sdk/sealed/inference.ts";
import {
  seededIntegers,
  type TinyLayer,
  tinyModel,
} from "../../../reference/tiny_models.ts";
import { nowMs, SealedBench, tokens } from "../../../support/sealed.ts";

function readingFor(model: ModelPackage, seed: number): Float64Array {
  const [{ shape, low, high }] = model.manifest.inputs,
    next = seededIntegers(seed);
  return Float64Array.from(
    { length: shape.reduce((a, b) => a * b) },
    () => next(low, high),
  );
}

/** Compares labels and, round by round, Z - R' with what the simulator's activation packs to. */
async function compare(
  model: ModelPackage,
  options: { samples?: number; keyBits?: 512 | 1024 | 2048 } = {},
) {
  const { samples = 1 } = options;
  const bench = new SealedBench(model, options);
  const readings = Array.from(
    { length: samples },
    (_, i) => readingFor(model, i),
  );
  const simulated = readings.map((reading) => simulate(model, reading));
  const { plan, rounds } = bench.model;
  let inference: SealedInference | undefined;
  let checks: Promise<void> = Promise.resolve();
  const labels = await bench.infer(readings, {
    activation: (_, __, running) => void (inference = running),
    token(index, token) {
      if (index === rounds.length - 1) return equal(token.length, 0);
      const { shares } = tokens.open(token, "linear", nowMs);
      const masked = inference!.plaintexts(index + 1);
      checks = checks.then(() => check(index + 1, shares, masked));
    },
  });
  /** The plaintexts of round `reader` without masks, against the simulator's. */
  async function check(
    reader: number,
    shares: { round: number; seed: Uint8Array }[],
    masked: bigint[],
  ) {
    const { layout } = plan.rounds[reader];
    const clear = [...masked];
    for (const [input, writer] of writersOf(plan)[reader].entries()) {
      if (writer < 0) continue;
      const { readers, shares: shape } = rounds[writer];
      const reads = readers.find((r) =>
        r.round === reader && r.input === input
      )!;
      const share = shares.find(({ round }) => round === writer)!;
      const masks = await shareMasks(share.seed, shape!);
      reads.plaintexts.forEach((plaintext, i) => {
        clear[plaintext] -= sumInSlots(
          reads.elements[i],
          reads.slotBits,
          (element) => shareAddend(shape!, masks[element]),
        );
      });
    }
    const activations = new Map(layout.inputs.map(({ tensor }, input) => {
      const writer = writersOf(plan)[reader][input];
      const all = simulated.map(({ rounds }, s) =>
        writer < 0 ? readings[s] : rounds[writer].activation.samples[0]
      );
      return [tensor, { shape: [all[0].length], samples: all }];
    }));
    const { modulus } = bench;
    deepEqual(
      clear.map((plaintext) => (plaintext + modulus) % modulus),
      packInputs(layout, activations, modulus),
    );
  }
  await checks;
  deepEqual(
    labels,
    simulated.map(({ integers }) => integers.indexOf(Math.max(...integers))),
  );
}

function labelled(
  seed: number,
  shape: number[],
  layers: TinyLayer[],
): ModelPackage {
  const model = tinyModel(seed, shape, layers);
  return { ...model, manifest: { ...model.manifest, reveal: "label" } };
}

Deno.test("a dense network is equal, folded rounds and several answers", async () => {
  await compare(labelled(1, [24], [
    { kind: "dense", length: 40 },
    { kind: "dense", length: 9 },
    { kind: "dense", length: 4 },
  ]));
});

Deno.test("a convolutional network is equal, pooled by sums and by maxima", async () => {
  await compare(labelled(2, [2, 8, 8], [
    { kind: "convolution", channels: 3, kernel: [3, 3], pool: "sum" },
    {
      kind: "convolution",
      channels: 4,
      kernel: [2, 2],
      pads: [1, 1, 0, 0],
      pool: "max",
    },
    { kind: "dense", length: 3 },
  ]));
});

Deno.test("tensors that several rounds read are equal, the reading among them", async () => {
  await compare(labelled(3, [2, 4, 4], [
    { kind: "convolution", channels: 2, kernel: [3, 3], pads: [1, 1, 1, 1] },
    {
      kind: "convolution",
      channels: 2,
      kernel: [1, 1],
      reads: ["a0", "input"],
    },
    { kind: "convolution", channels: 2, kernel: [1, 1], reads: ["a1", "a0"] },
    { kind: "dense", length: 3, reads: ["a2", "a0"] },
  ]));
});

Deno.test("samples side by side are equal", async () => {
  await compare(
    labelled(4, [6], [
      { kind: "dense", length: 5 },
      { kind: "dense", length: 3 },
    ]),
    { samples: 3 },
  );
});

Deno.test("activations below 0 are equal", async () => {
  const model = labelled(5, [6], [
    { kind: "dense", length: 5 },
    { kind: "dense", length: 3 },
  ]);
  const [first, second] = model.manifest.rounds;
  first.steps = [
    { op: "leakyRelu", positive: 8, negative: [1] },
    { op: "requantise", multiplier: 5, shift: 7, low: -12, high: 15 },
  ];
  for (const term of second.terms) Object.assign(term, { low: -12, high: 31 });
  second.bound = 10_000;
  await compare(model);
});

for (
  const folder of [
    // With general multipliers, which sealed packages do without.
    "appliance/package",
    "appliance-sealed",
    "lenet-mnist-pool-first-sealed",
    "meter-digits-pool-first-sealed",
    "occupancy-sealed",
  ]
) {
  Deno.test(`${folder} of the zoo is equal`, async () => {
    await compare(await readPackage(`models/zoo/${folder}`));
  });
}
