/** Guarded models in the clear: the same answers as the owner's, and decoys that lose. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { accumulatorBound } from "../../../models/package/bounds.ts";
import type { ModelPackage } from "../../../models/package/format.ts";
import { disturbanceAmplitude } from "../../../models/protections/disturbance.ts";
import { protectionsOf } from "../../../models/protections/profile.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { verifyPackage } from "../../../models/package/verify.ts";
import { elementCount } from "../../../sdk/fixed_point/integer_tensor.ts";
import {
  randomReading,
  seededIntegers,
  tinyDense,
  tinyLeNet,
  tinyModel,
  tinyResidual,
  tinySignal,
} from "../../reference/tiny_models.ts";
import { guardedAsServed, labelled, largest } from "../../support/guarded.ts";

const models = [tinyLeNet(), tinyResidual(), tinySignal(), tinyDense()];

/** A random reading, or one of extremes only, where decoys come closest. */
function reading(model: ModelPackage, seed: number): Float64Array {
  if (seed % 2 === 0) return randomReading(model, seed);
  const [{ shape, low, high }] = model.manifest.inputs;
  const random = seededIntegers(seed);
  return Float64Array.from(
    { length: elementCount(shape) },
    () => random(0, 1) === 0 ? low : high,
  );
}

const anyModel = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 30 }),
  scores: fc.integer({ min: 2, max: 9 }),
  limit: fc.integer({ min: 0, max: 12 }),
}).map(({ seed, scores, limit }) =>
  tinyModel(seed, [6], [
    { kind: "dense", length: 5 },
    { kind: "dense", length: scores, weightLimit: limit },
  ])
);

for (const privacy of ["paper", "standard"] as const) {
  Deno.test(`${privacy}: whatever the model and the input, a real score is above every decoy`, () => {
    fc.assert(fc.property(anyModel, fc.nat(), (model, seed) => {
      const { model: guarded, scoreLabels } = guardedAsServed(
        labelled(model, privacy),
      );
      const { rounds } = simulate(guarded, reading(model, seed));
      const scores = rounds[1].accumulators;
      const isReal = (_: number, i: number) => scoreLabels[i] >= 0;
      const real = Array.from(scores).filter(isReal);
      const decoys = Array.from(scores).filter((z, i) => !isReal(z, i));
      assert.equal(decoys.length, real.length);
      assert.ok(Math.max(...decoys) < Math.max(...real));
    }));
  });
}

for (const privacy of ["paper", "standard", "strict"] as const) {
  Deno.test(`${privacy}: the label is that of the owner's largest score`, () => {
    fc.assert(fc.property(anyModel, fc.nat(), (model, seed) => {
      const { model: guarded } = guardedAsServed(labelled(model, privacy));
      const input = reading(model, seed);
      const scores = simulate(model, input).integers;
      const [label] = simulate(guarded, input).integers;
      assert.equal(scores[label], Math.max(...scores));
      // Comparisons break ties as the arg-max does: the first wins.
      if (privacy === "strict") assert.equal(label, largest(scores));
    }));
  });

  Deno.test(`${privacy}: no accumulator passes its round's bound, noise and blinding included`, () => {
    for (const model of models) {
      const owner = labelled(model, privacy);
      const { model: guarded, guards } = guardedAsServed(owner);
      guarded.manifest.rounds.forEach((round, index) => {
        const guard = guards[index];
        const exact = accumulatorBound(round, guarded.tensors);
        const max = {
          none: exact,
          counted: exact,
          disturbed: exact + (guard.kind === "disturbed" ? guard.amplitude : 0),
          blinded: guard.kind === "blinded"
            ? 2 ** guard.scaleBits * guard.ranks * (exact + 1) +
              guard.shiftLimit
            : 0,
          compared: guard.kind === "compared"
            ? 2 ** guard.scaleBits * (2 * exact + 2)
            : 0,
          // Of selectors: one label.
          selected: 0,
        }[guard.kind];
        assert.ok(max <= round.bound, `${round.name}: ${max}`);
        assert.ok(round.bound < 2 ** 52);
      });
    }
  });
}

Deno.test("hidden decoys change no answer, and mix two real channels each", () => {
  for (const model of models) {
    const { widened } = guardedAsServed(labelled(model, "strict"));
    const [before] = model.manifest.rounds[0].outputShape;
    const [after] = widened.manifest.rounds[0].outputShape;
    for (let seed = 0; seed < 8; seed++) {
      const input = reading(model, seed);
      assert.deepEqual(
        simulate(widened, input).integers,
        simulate(model, input).integers,
      );
    }
    const grouped = model.manifest.rounds[1].terms.some((term) =>
      term.kind === "convolution" && term.groups > 1
    );
    assert.equal(after, grouped ? before : before + Math.ceil(before / 8));
    const [term] = widened.manifest.rounds[0].terms;
    const { data } = widened.tensors.get(term.weights)!;
    const length = data.length / after;
    for (let decoy = before; decoy < after; decoy++) {
      for (let i = 0; i < length; i++) {
        const weight = data[decoy * length + i];
        assert.ok(
          Array.from({ length: before }, (_, row) => data[row * length + i])
            .includes(weight),
        );
      }
    }
  }
});

Deno.test("the noise behind an activation moves it by half a rounding step at most", () => {
  const { disturbance } = protectionsOf({
    privacy: "standard",
    reveal: "label",
  });
  const round = {
    ...tinyDense().manifest.rounds[0],
    steps: [
      {
        op: "sumPool" as const,
        kernel: [2, 2] as [number, number],
        stride: [2, 2] as [number, number],
        pads: [0, 0, 0, 0] as [number, number, number, number],
      },
      { op: "requantise" as const, multiplier: 3, shift: 8, low: 0, high: 9 },
    ],
  };
  // A step of 256/3 = 85.3 in sums of four: half of it is 42.7, for each 10.
  assert.equal(disturbanceAmplitude(round, disturbance), 10);
  assert.equal(disturbanceAmplitude({ ...round, steps: [] }, disturbance), 0);
});

Deno.test("where scores are revealed, the model is the owner's own", () => {
  for (const model of models) {
    const { model: guarded, guards } = guardedAsServed(model);
    assert.deepEqual(guarded.manifest.rounds, model.manifest.rounds);
    assert.ok(guards.every(({ kind }) => kind === "none"));
  }
});

Deno.test("refuses by name more scores than can be compared in pairs", () => {
  const model = tinyModel(3, [4], [{ kind: "dense", length: 33 }]);
  assert.throws(
    () => guardedAsServed(labelled(model, "strict")),
    /Cannot guard round "round0": expected at most 32 scores to compare, got 33/,
  );
});

Deno.test("a package that cannot be guarded as it asks is refused when it is written or read", () => {
  const model = tinyModel(3, [4], [{ kind: "dense", length: 33 }]);
  assert.throws(
    () => verifyPackage(labelled(model, "strict")),
    /expected at most 32 scores/,
  );
  verifyPackage(labelled(model, "standard"));
  const strict = { ...model.manifest, privacy: "strict" as const };
  assert.throws(
    () => verifyPackage({ ...model, manifest: strict }),
    /expected to reveal "label" where privacy is "strict"/,
  );
  const regression = tinyModel(3, [4], [{ kind: "dense", length: 1 }]);
  assert.throws(
    () => verifyPackage(labelled(regression, "standard")),
    /expected a dense round of two scores or more/,
  );
});
