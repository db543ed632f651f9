import assert from "node:assert/strict";
import fc from "fast-check";
import { packInputs, unpackAnswers } from "../../../sdk/fixed_point/packing.ts";
import type { IntegerTensor } from "../../../sdk/fixed_point/integer_tensor.ts";
import {
  answerCiphertexts,
  inputCiphertexts,
} from "../../../sdk/fixed_point/layout.ts";
import type { DenseLayout, SpatialLayout } from "../../../sdk/wire/plan.ts";
import type {
  ModelPackage,
  RoundSpec,
} from "../../../models/package/format.ts";
import { planRound } from "../../../models/planner/plan.ts";
import { evaluateRound } from "../../../models/simulate/simulate.ts";
import { evaluateSlots } from "../../reference/slot_evaluator.ts";
import { seededIntegers, tinyModel } from "../../reference/tiny_models.ts";

/** The least modulus of its length: masks have the least room. */
const minModulus = (bits: number) => (1n << BigInt(bits - 1)) + 1n;

const uniformFrom = (seed: number) => {
  const random = seededIntegers(seed);
  return (bound: bigint) => {
    let value = 0n;
    for (let bits = 0; bits < 4096 && value < bound; bits += 30) {
      value = (value << 30n) + BigInt(random(0, 2 ** 30 - 1));
    }
    return value % bound;
  };
};
const uniforms = [
  () => 0n,
  (bound: bigint) => bound - 1n,
  uniformFrom(1),
];

/** Activations of a round at the ends of their ranges and between. */
function roundActivations(
  round: RoundSpec,
  samples: number,
  seed: number,
): Map<string, IntegerTensor> {
  const random = seededIntegers(seed);
  const activations = new Map<string, IntegerTensor>();
  for (const term of round.terms) {
    const shape = term.kind === "dense" ? [term.length] : term.inputShape;
    const length = shape.reduce((a, b) => a * b);
    const value = () => {
      const kind = random(0, 3);
      if (kind === 0) return term.low;
      return kind === 1 ? term.high : random(term.low, term.high);
    };
    activations.set(term.reads, {
      shape,
      samples: Array.from(
        { length: samples },
        () => Float64Array.from({ length }, value),
      ),
    });
  }
  return activations;
}

/** Packed, evaluated and unpacked accumulators equal the direct ones. */
function assertRoundAgrees(
  { tensors }: ModelPackage,
  round: RoundSpec,
  options: { modulusBits: number; samples: number; pick: number; seed: number },
): void {
  const candidates = planRound(round, options);
  const { layout } = candidates[options.pick % candidates.length];
  const activations = roundActivations(round, options.samples, options.seed);
  const modulus = minModulus(options.modulusBits);
  const plaintexts = packInputs(layout, activations, modulus);
  assert.equal(plaintexts.length, inputCiphertexts(layout));
  assert.ok(plaintexts.every((m) => m >= 0n && m < modulus));
  const answers = evaluateSlots(
    round,
    layout,
    {
      tensors,
      plaintexts,
      modulus,
      uniform: uniforms[options.seed % uniforms.length],
    },
  );
  const unpacked = unpackAnswers(layout, answers);
  assert.deepEqual(unpacked.shape, round.outputShape);
  for (let s = 0; s < options.samples; s++) {
    const oneSample = new Map(
      [...activations].map(([name, { shape, samples }]) => [
        name,
        { shape, samples: [samples[s]] },
      ]),
    );
    assert.deepEqual(
      unpacked.samples[s],
      evaluateRound(round, tensors, oneSample),
    );
  }
}

const small = (min: number, max: number) => fc.integer({ min: min, max: max });
const common = {
  seed: small(0, 1e6),
  pick: small(0, 1e6),
  samples: small(1, 5),
  modulusBits: small(150, 500),
};

Deno.test("spatial rounds through slots equal direct convolution", () => {
  fc.assert(
    fc.property(
      fc.record({
        ...common,
        groups: small(1, 3),
        inPerGroup: small(1, 2),
        outPerGroup: small(1, 2),
        height: small(1, 9),
        width: small(1, 9),
        kernel: fc.tuple(small(1, 3), small(1, 3)),
        stride: fc.tuple(small(1, 3), small(1, 3)),
        dilation: fc.tuple(small(1, 2), small(1, 2)),
        pads: fc.tuple(small(0, 3), small(0, 3), small(0, 3), small(0, 3)),
        inputs: small(1, 2),
      }).filter(({ height, width, kernel, dilation, pads }) =>
        height + pads[0] + pads[2] > dilation[0] * (kernel[0] - 1) &&
        width + pads[1] + pads[3] > dilation[1] * (kernel[1] - 1)
      ),
      (shape) => {
        const channels = shape.groups * shape.inPerGroup;
        const model = tinyModel(shape.seed, [
          channels,
          shape.height,
          shape.width,
        ], [
          { kind: "convolution", channels, kernel: [1, 1] },
          {
            kind: "convolution",
            channels: shape.groups * shape.outPerGroup,
            kernel: shape.kernel,
            stride: shape.stride,
            dilation: shape.dilation,
            pads: shape.pads,
            groups: shape.groups,
            reads: ["input", "a0"].slice(0, shape.inputs),
          },
        ]);
        assertRoundAgrees(model, model.manifest.rounds[1], shape);
      },
    ),
    {
      numRuns: 300,
      // Windows that see nothing but padding.
      examples: [[{
        seed: 0,
        pick: 0,
        samples: 1,
        modulusBits: 150,
        groups: 1,
        inPerGroup: 1,
        outPerGroup: 1,
        height: 1,
        width: 1,
        kernel: [1, 1],
        stride: [2, 1],
        dilation: [1, 1],
        pads: [1, 0, 0, 0],
        inputs: 1,
      }]],
    },
  );
});

Deno.test("dense rounds through slots equal the matrix product", () => {
  fc.assert(
    fc.property(
      fc.record({
        ...common,
        length: small(1, 24),
        outputLength: small(1, 12),
        inputs: small(1, 2),
      }),
      (shape) => {
        const model = tinyModel(shape.seed, [shape.length], [
          { kind: "dense", length: 5 },
          {
            kind: "dense",
            length: shape.outputLength,
            reads: ["input", "a0"].slice(0, shape.inputs),
            weightLimit: 7,
          },
        ]);
        const round = model.manifest.rounds[1];
        // One range for both, so that inputs may be folded.
        for (const term of round.terms) {
          term.low = -8;
          term.high = 31;
        }
        assertRoundAgrees(model, round, shape);
      },
    ),
    { numRuns: 300 },
  );
});

/**
 * Rows whose biases cancel half of their sums, and whose weights meet in one slot
 * below the next row: garbage reaches four times the bound, and the carries of
 * masked slots both ends of their range.
 */
Deno.test("folded dense rounds hold at the largest garbage", () => {
  for (const sign of [1, -1]) {
    const model = tinyModel(1, [4], [{ kind: "dense", length: 6 }]);
    const round = model.manifest.rounds[0];
    const [term] = round.terms;
    term.low = 0;
    term.high = 31;
    const halves = [2, 2, 0, 0, 0, 0, 2, 2].map((weight) => sign * weight);
    model.tensors.get("round0.weights0")!.data.set(
      [...halves, ...halves, ...halves],
    );
    model.tensors.get("round0.bias")!.data.fill(-sign * 62);
    round.bound = 62;
    const layouts = planRound(round, { modulusBits: 512, samples: 1 });
    assert.ok(layouts.some(({ layout }) => (layout as DenseLayout).fold === 4));
    const reading = { shape: [4], samples: [Float64Array.of(31, 31, 31, 31)] };
    const modulus = minModulus(512);
    for (const { layout } of layouts) {
      const plaintexts = packInputs(
        layout,
        new Map([["input", reading]]),
        modulus,
      );
      for (const uniform of uniforms) {
        const answers = evaluateSlots(
          round,
          layout,
          { tensors: model.tensors, plaintexts, modulus, uniform },
        );
        assert.deepEqual(
          [...unpackAnswers(layout, answers).samples[0]],
          Array(6).fill(sign * 62),
        );
      }
    }
  }
});

const spatial: SpatialLayout = {
  kind: "spatial",
  samples: 1,
  tile: [1, 2],
  grid: [2, 1],
  inputs: [{
    tensor: "input",
    shape: [1, 2, 2],
    step: [1, 2],
    offsets: [[0, -1], [0, 0]],
  }],
  output: [1, 2, 2],
  slotBits: 40,
  valuesPerCiphertext: 2,
};

Deno.test("a layout worked out by hand", () => {
  const modulus = minModulus(512);
  const input = { shape: [1, 2, 2], samples: [Float64Array.of(1, 2, -3, 4)] };
  assert.deepEqual(packInputs(spatial, new Map([["input", input]]), modulus), [
    0n,
    modulus + 1n - 3n * 2n ** 40n,
  ]);
  const half = 2n ** 39n;
  const plaintext = [5n, -6n, half - 1n, -half]
    .reduceRight((sum, value) => (sum << 40n) + value + half, 77n);
  assert.deepEqual(unpackAnswers(spatial, [plaintext]), {
    shape: [1, 2, 2],
    samples: [Float64Array.of(5, 2 ** 39 - 1, -6, -(2 ** 39))],
  });
});

Deno.test("unpacks any plaintext to slots within their range", () => {
  fc.assert(fc.property(
    fc.bigInt({ min: 0n, max: minModulus(512) - 1n }),
    (plaintext) => {
      for (const value of unpackAnswers(spatial, [plaintext]).samples[0]) {
        assert.ok(Number.isInteger(value) && Math.abs(value) <= 2 ** 39);
      }
    },
  ));
});

Deno.test("packs values wider than their slot by arithmetic, without cutting", () => {
  const layout: DenseLayout = {
    kind: "dense",
    samples: 1,
    fold: 3,
    inputs: [{ tensor: "input", length: 3 }],
    outputLength: 1,
    slotBits: 3,
    guardBits: 1,
    valuesPerCiphertext: 1,
  };
  fc.assert(fc.property(
    fc.array(small(-(2 ** 52), 2 ** 52), { minLength: 3, maxLength: 3 }),
    (values) => {
      const modulus = minModulus(256);
      const input = { shape: [3], samples: [Float64Array.from(values)] };
      const [plaintext] = packInputs(
        layout,
        new Map([["input", input]]),
        modulus,
      );
      const expected = values.reduceRight((m, x) => (m << 3n) + BigInt(x), 0n);
      assert.equal((plaintext - expected) % modulus, 0n);
    },
  ));
});

Deno.test("packs a value that is no integer within 2^52 as one that is", () => {
  const layout: DenseLayout = {
    kind: "dense",
    samples: 1,
    fold: 4,
    inputs: [{ tensor: "input", length: 4 }],
    outputLength: 1,
    slotBits: 53,
    guardBits: 1,
    valuesPerCiphertext: 1,
  };
  const pack = (values: number[]) =>
    packInputs(
      layout,
      new Map([["input", {
        shape: [4],
        samples: [Float64Array.from(values)],
      }]]),
      minModulus(512),
    );
  assert.deepEqual(
    pack([NaN, Infinity, -Infinity, 2 ** 60]),
    pack([0, 2 ** 52, -(2 ** 52), 2 ** 52]),
  );
});

Deno.test("refuses misuse", () => {
  const modulus = minModulus(512);
  assert.throws(
    () => packInputs(spatial, new Map(), modulus),
    new TypeError('Cannot pack inputs: activation "input" is missing'),
  );
  const short = { shape: [3], samples: [new Float64Array(3)] };
  assert.throws(
    () => packInputs(spatial, new Map([["input", short]]), modulus),
    new RangeError(
      'Cannot pack activation "input": expected 1 samples of 4 elements, got 1 of 3',
    ),
  );
  assert.equal(answerCiphertexts(spatial), 1);
  assert.throws(
    () => unpackAnswers(spatial, []),
    new RangeError("Cannot unpack answers: expected 1 plaintexts, got 0"),
  );
});
