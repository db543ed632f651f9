import assert from "node:assert/strict";
import fc from "fast-check";
import { applySteps } from "../../../sdk/activations/apply.ts";
import { checkPlan } from "../../../sdk/session/check_plan.ts";
import type { IntegerTensor } from "../../../sdk/fixed_point/integer_tensor.ts";
import {
  answerCiphertexts,
  headroomBits,
  inputCiphertexts,
  spillSlots,
  usedSlots,
} from "../../../sdk/fixed_point/layout.ts";
import { packInputs, unpackAnswers } from "../../../sdk/fixed_point/packing.ts";
import type { InferencePlan } from "../../../sdk/wire/plan.ts";
import {
  type Costs,
  defaultCosts,
} from "../../../models/planner/cost_model.ts";
import {
  maxSamples,
  planInference,
  planRound,
} from "../../../models/planner/plan.ts";
import { cheapestMethod } from "../../../models/planner/products.ts";
import { WeightProfile } from "../../../models/planner/weight_profile.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { evaluateSlots } from "../../reference/slot_evaluator.ts";
import {
  randomReading,
  tinyDense,
  tinyLeNet,
  tinyModel,
  tinyResidual,
  tinySignal,
} from "../../reference/tiny_models.ts";

const tinyModels = [tinyLeNet(), tinyResidual(), tinySignal(), tinyDense()];

/** The paper's network, in the widths that quantisation gives. */
const lenet = tinyModel(1, [1, 28, 28], [
  {
    kind: "convolution",
    channels: 20,
    kernel: [3, 3],
    pool: "sum",
    weightLimit: 31,
  },
  {
    kind: "convolution",
    channels: 50,
    kernel: [3, 3],
    pool: "sum",
    weightLimit: 7,
  },
  { kind: "dense", length: 500, weightLimit: 3 },
  { kind: "dense", length: 10, weightLimit: 31 },
]);

function wireBytes({ rounds }: InferencePlan, modulusBits: number): number {
  return rounds.reduce(
    (sum, { layout }) =>
      sum +
      (inputCiphertexts(layout) + answerCiphertexts(layout)) * modulusBits / 4,
    0,
  );
}

Deno.test("every plan fits its plaintexts and passes the gateway's check", () => {
  fc.assert(fc.property(
    fc.nat(tinyModels.length - 1),
    fc.integer({ min: 110, max: 2100 }),
    fc.integer({ min: 1, max: 40 }),
    (which, modulusBits, samples) => {
      const { manifest } = tinyModels[which];
      fc.pre(samples <= maxSamples(manifest, modulusBits));
      const plan = planInference(manifest, { modulusBits, samples });
      checkPlan(plan, { samples, modulusBits });
      plan.rounds.forEach(({ layout }, index) => {
        const { bound } = manifest.rounds[index];
        assert.ok(bound <= 2 ** (layout.slotBits - 1) - 1);
        assert.ok(
          (usedSlots(layout, 0) + spillSlots(layout)) * layout.slotBits <=
            modulusBits - headroomBits,
        );
        assert.equal(layout.inputs.length, manifest.rounds[index].terms.length);
      });
    },
  ));
});

Deno.test("an inference through slots equals the simulator in every round", () => {
  const modulus = (1n << 511n) + 1n;
  for (const model of tinyModels) {
    for (const samples of [1, 3]) {
      const plan = planInference(model.manifest, { modulusBits: 512, samples });
      const readings = Array.from(
        { length: samples },
        (_, s) => randomReading(model, s),
      );
      const expected = readings.map((reading) => simulate(model, reading));
      const activations = new Map<string, IntegerTensor>([
        ["input", { shape: plan.inputs[0].shape, samples: readings }],
      ]);
      plan.rounds.forEach(({ layout, steps, writes }, index) => {
        const answers = evaluateSlots(
          model.manifest.rounds[index],
          layout,
          {
            tensors: model.tensors,
            plaintexts: packInputs(layout, activations, modulus),
            modulus,
            uniform: (bound) => bound - 1n,
          },
        );
        const accumulators = unpackAnswers(layout, answers);
        assert.deepEqual(
          accumulators.samples,
          expected.map(({ rounds }) => rounds[index].accumulators),
        );
        activations.set(
          writes,
          applySteps(steps, accumulators, { live: activations }),
        );
      });
    }
  }
});

Deno.test("the same arguments give the same plan", () => {
  for (const { manifest } of tinyModels) {
    const options = { modulusBits: 2048, samples: 2 };
    const copy = JSON.parse(JSON.stringify(manifest));
    assert.deepEqual(
      planInference(manifest, options),
      planInference(copy, options),
    );
  }
});

Deno.test("LeNet at 2048 bits: at most 1.2 MB a sample, its wide round in two shards", () => {
  const plan = planInference(lenet.manifest, {
    modulusBits: 2048,
    samples: 1,
    tensors: lenet.tensors,
  });
  assert.ok(wireBytes(plan, 2048) <= 1.2e6);
  assert.equal(plan.rounds[2].shards, 2);
  const [conv1, , dense1] = plan.rounds.map(({ layout }) => layout);
  // Element by element: 784 and 13,520, 1,250 and 500.
  assert.ok(inputCiphertexts(conv1) <= 60 && answerCiphertexts(conv1) <= 160);
  assert.ok(inputCiphertexts(dense1) <= 500 && answerCiphertexts(dense1) <= 60);
});

Deno.test("dearer bytes give plans with fewer of them", () => {
  const costs: Costs = defaultCosts(2048);
  const options = { modulusBits: 2048, samples: 1 };
  const bytes = [1, 10, 100].map((factor) =>
    wireBytes(
      planInference(lenet.manifest, {
        ...options,
        costs: { ...costs, byteMs: costs.byteMs * factor },
      }),
      2048,
    )
  );
  assert.ok(bytes[1] <= bytes[0] && bytes[2] < bytes[0], bytes.join());
});

Deno.test("candidates are ordered by their forecast, which adds up", () => {
  for (const round of lenet.manifest.rounds) {
    const candidates = planRound(round, { modulusBits: 2048, samples: 1 });
    assert.ok(candidates.length > 10);
    candidates.forEach(({ layout, forecast }, i) => {
      assert.ok(
        i === 0 || candidates[i - 1].forecast.totalMs <= forecast.totalMs,
      );
      assert.equal(forecast.ciphertextsUp, inputCiphertexts(layout));
      assert.equal(forecast.ciphertextsDown, answerCiphertexts(layout));
      assert.equal(forecast.bytesDown, 512 * forecast.ciphertextsDown);
      assert.equal(
        forecast.bytesUp,
        512 * forecast.ciphertextsUp * forecast.shards,
      );
      const parts = forecast.encryptMs + forecast.transferMs +
        forecast.evaluateMs + forecast.decryptMs;
      assert.ok(Math.abs(parts - forecast.totalMs) < 1e-9 * parts);
    });
  }
});

Deno.test("products of a round worked out by hand", () => {
  const model = tinyModel(1, [6], [{ kind: "dense", length: 40 }]);
  const [round] = model.manifest.rounds;
  const { layout } = planRound(round, { modulusBits: 2048, samples: 1 })
    .find(({ layout }) => layout.kind === "dense" && layout.fold === 1)!;
  assert.equal(answerCiphertexts(layout), 1);
  // Every weight is 1: of a table over g inputs one entry is looked up, which takes g - 1
  // products as does each of its beginnings. All six inputs in one table: 5 products and
  // 40 look-ups. 3*6 invert the inputs, 4*40 divide, 39 sums are shifted by their slots.
  const profile = new WeightProfile(new Map([[1, 240]]));
  const { strategy, packing, products } = cheapestMethod(
    round,
    layout,
    1,
    [profile],
  );
  assert.deepEqual(strategy, {
    planes: 1,
    halfRange: 1,
    groupSize: 6,
    buckets: false,
  });
  assert.equal(packing, "shift-outputs");
  assert.ok(
    Math.abs(products.multiplications - (18 + 5 + 40 + 160 + 39)) < 1e-9,
  );
  assert.equal(products.squarings, 39 * layout.slotBits);
});

Deno.test("default costs agree with the measured sizes and grow with the key", () => {
  assert.ok(Math.abs(defaultCosts(2048).multiplyMs - 0.0019) < 1e-9);
  let previous = defaultCosts(256);
  for (const bits of [512, 768, 1024, 1536, 2048, 3072, 4096, 6144]) {
    const costs = defaultCosts(bits);
    assert.ok(costs.decryptMs > previous.decryptMs);
    assert.ok(costs.multiplyMs > previous.multiplyMs);
    assert.equal(costs.callMs, previous.callMs);
    previous = costs;
  }
});

Deno.test("plans as many samples as fit, and no more", () => {
  for (const { manifest } of tinyModels) {
    const samples = maxSamples(manifest, 512);
    assert.ok(samples > 10);
    planInference(manifest, { modulusBits: 512, samples });
    assert.throws(
      () => planInference(manifest, { modulusBits: 512, samples: samples + 1 }),
      /^Error: Cannot plan round "round\d": expected at most 446 bits of a 512-bit plaintext, got \d+ samples of \d+ bits$/,
    );
  }
});

Deno.test("refuses by name what cannot be planned", () => {
  const { manifest } = tinyDense();
  const options = { modulusBits: 2048, samples: 1 };
  for (const [name, value] of [["samples", 0], ["modulusBits", 1.5]] as const) {
    assert.throws(
      () => planInference(manifest, { ...options, [name]: value }),
      new RangeError(
        `Cannot plan: expected ${name} to be a positive integer, got ${value}`,
      ),
    );
  }
  const wide = structuredClone(manifest);
  wide.rounds[1].bound = 2 ** 50;
  const [{ layout }] = planRound(wide.rounds[1], options);
  assert.equal(layout.kind === "dense" && layout.fold, 1);
  wide.rounds[1].bound = 2 ** 52;
  assert.throws(
    () => planInference(wide, options),
    /Cannot plan round "round1": expected slots of at most 53 bits, got 54/,
  );
});
