/** Every way to evaluate a round gives the same numbers, those of the definition. */
import assert from "node:assert/strict";
import { mapDigits } from "../../../../functions/rounds/evaluate/accumulate.ts";
import { evaluateRound } from "../../../../functions/rounds/evaluate/evaluate.ts";
import {
  type LinearMap,
  linearMap,
} from "../../../../functions/rounds/evaluate/linear_layer.ts";
import { modelPlaces } from "../../../../functions/rounds/evaluate/operands.ts";
import { ProductProgram } from "../../../../functions/rounds/arithmetic/product_program.ts";
import {
  invertModuloSquare,
  ProductTree,
} from "../../../../functions/rounds/evaluate/product_tree.ts";
import { JointTable } from "../../../../functions/rounds/evaluate/table.ts";
import type { Order } from "../../../../functions/rounds/arithmetic/order.ts";
import { cheapestMethod } from "../../../../models/planner/products.ts";
import { candidates } from "../../../../models/planner/strategy.ts";
import { weightProfiles } from "../../../../models/planner/weight_profile.ts";
import { planRound } from "../../../../models/planner/plan.ts";
import type { ModelPackage } from "../../../../models/package/format.ts";
import {
  answerCiphertexts,
  blockSlots,
  inputCiphertexts,
  valuesInAnswer,
} from "../../../../sdk/fixed_point/layout.ts";
import { bytesFromBigInt } from "../../../../sdk/paillier/public/big_integer.ts";
import type { Kernel } from "../../../../sdk/paillier/public/kernel.ts";
import { bigIntKernel } from "../../../../sdk/paillier/public/kernel_bigint.ts";
import {
  modInverse,
  modPower,
} from "../../../../sdk/paillier/public/modular.ts";
import { selectKernel } from "../../../../sdk/paillier/public/select_kernel.ts";
import type { DenseLayout, RoundLayout } from "../../../../sdk/wire/plan.ts";
import { seededIntegers, tinyModel } from "../../../reference/tiny_models.ts";
import { testKey } from "../../../vectors/keys.ts";

const n = testKey(512).publicKey.modulus;
const square = n * n;

function run<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** base^exponent modulo N^2 for exponents of either sign. */
function power(base: bigint, exponent: number): bigint {
  const positive = modPower(base, BigInt(Math.abs(exponent)), square);
  return exponent < 0 ? modInverse(positive, square) : positive;
}

/** Values and answers by the definition of the layer, one power at a time. */
function definition(
  map: LinearMap,
  layout: RoundLayout,
  inputs: bigint[],
  orders: (Order | null)[],
): bigint[] {
  const places = modelPlaces(layout, orders);
  const values = layout.kind === "dense"
    ? denseValues(map.terms[0].weights, layout, inputs, places)
    : spatialValues(map, inputs, places);
  const doubled = layout.kind === "dense" && layout.guardBits === 1 ? 2n : 1n;
  return Array.from({ length: answerCiphertexts(layout) }, (_, answer) => {
    let product = 1n;
    for (let i = 0; i < valuesInAnswer(layout, answer); i++) {
      const value = values[answer * layout.valuesPerCiphertext + i];
      const shift = BigInt(blockSlots(layout) * layout.slotBits * i);
      product = product * modPower(value, 1n << shift, square) % square;
    }
    return modPower(product, doubled, square);
  });
}

/** Copies of a ciphertext, shifted so that the useful blocks of its elements meet. */
function denseValues(
  weights: Int32Array,
  { fold, samples, slotBits, outputLength }: DenseLayout,
  inputs: bigint[],
  places: Int32Array,
): bigint[] {
  const values = Array<bigint>(outputLength).fill(1n);
  places.forEach((element, place) => {
    const shift = (fold - 1 - place % fold) * slotBits * samples;
    const input = inputs[Math.floor(place / fold)];
    const shifted = modPower(input, 1n << BigInt(shift), square);
    for (let o = 0; o < outputLength; o++) {
      const weight = weights[o * places.length + element];
      values[o] = values[o] * power(shifted, weight) % square;
    }
  });
  return values;
}

function spatialValues(
  map: LinearMap,
  inputs: bigint[],
  places: Int32Array,
): bigint[] {
  const operands: bigint[] = [];
  places.forEach((operand, place) => operands[operand] = inputs[place]);
  const values = Array<bigint>(map.values).fill(1n);
  for (const term of map.terms) {
    const outputs = term.channels / term.groups;
    for (let o = 0; o < term.channels; o++) {
      for (let i = 0; i < term.inputsPerGroup; i++) {
        const input = Math.floor(o / outputs) * term.inputsPerGroup + i;
        term.uses.forEach((uses, position) => {
          const operand = operands[
            term.firstOperand + input * term.positions + position
          ];
          for (const { tap, sum } of uses) {
            const row = o * term.inputsPerGroup + i;
            const weight = term.weights[row * term.taps + tap];
            const value = o * map.phases + sum;
            values[value] = values[value] * power(operand, weight) % square;
          }
        });
      }
    }
  }
  return values;
}

const rounds: Record<string, ModelPackage> = {
  "dense, weights to 5": tinyModel(21, [11], [
    { kind: "dense", length: 6, weightLimit: 5 },
  ]),
  "dense, weights to 300": tinyModel(22, [5], [
    { kind: "dense", length: 3, weightLimit: 300 },
  ]),
  "dense, ternary": tinyModel(23, [17], [
    { kind: "dense", length: 9, weightLimit: 1 },
  ]),
  "dense, all zero": tinyModel(24, [4], [
    { kind: "dense", length: 3, weightLimit: 0 },
  ]),
  "convolution with stride, groups, padding": tinyModel(25, [4, 5, 4], [
    {
      kind: "convolution",
      channels: 4,
      kernel: [3, 2],
      stride: [2, 1],
      pads: [1, 0, 1, 1],
      groups: 2,
      weightLimit: 6,
    },
  ]),
};

for (const [name, model] of Object.entries(rounds)) {
  Deno.test(`every strategy equals the definition: ${name}`, () => {
    const [spec] = model.manifest.rounds;
    const planned = planRound(spec, { modulusBits: 512, samples: 1 });
    // The two best layouts, and for dense rounds one with folded inputs.
    const layouts = new Set([
      planned[0].layout,
      planned[planned.length - 1].layout,
      planned.find(({ layout }) => layout.kind === "dense" && layout.fold > 1)
        ?.layout ?? planned[0].layout,
    ]);
    const random = seededIntegers(5);
    for (const layout of layouts) {
      const map = linearMap(spec, layout, model.tensors);
      const inputs = Array.from(
        { length: inputCiphertexts(layout) },
        () => BigInt(random(2, 2 ** 30)) ** 20n % square,
      );
      const ciphertexts = inputs.map((value) => bytesFromBigInt(value, 128));
      // The channels or elements of the input in reverse, or as they are.
      const orders = layout.inputs.map((input) => {
        const length = "length" in input ? input.length : input.shape[0];
        return random(0, 1) === 0
          ? null
          : Uint32Array.from({ length }, (_, i) => length - 1 - i);
      });
      const expected = definition(map, layout, inputs, orders);
      const round = {
        map,
        plan: { layout, steps: [], writes: "out", shards: 1 },
      };
      const kernels = [bigIntKernel, selectKernel()];
      const [profile] = weightProfiles(spec, model.tensors);
      let turn = 0;
      for (const strategy of candidates(profile.largest)) {
        for (const packing of ["shift-outputs", "shift-operands"] as const) {
          const method = {
            strategy,
            packing,
            products: { multiplications: 0, squarings: 0 },
            digits: mapDigits(map, strategy),
          };
          const answers = expected.length;
          const cut = random(0, answers);
          const ranges = [{ from: 0, to: cut }, { from: cut, to: answers }];
          const packed = ranges.flatMap((range) =>
            run(evaluateRound(kernels[turn++ % 2], round, {
              modulus: n,
              ciphertexts,
              inputOrders: orders,
              outputOrder: null,
              range,
              method,
            }))
          );
          assert.deepEqual(
            packed.map(([a, b]) => a + b * n),
            expected,
            `${JSON.stringify(strategy)} ${packing}`,
          );
        }
      }
    }
  });
}

Deno.test("the choice follows the counts: buckets for few outputs, joint tables for many", () => {
  const choose = (outputs: number, weightLimit: number) => {
    const model = tinyModel(31, [400], [
      { kind: "dense", length: outputs, weightLimit },
    ]);
    const [spec] = model.manifest.rounds;
    const { layout } = planRound(spec, { modulusBits: 2048, samples: 1 })
      .find(({ layout }) => layout.kind === "dense" && layout.fold === 1)!;
    const profiles = weightProfiles(spec, model.tensors);
    const answers = answerCiphertexts(layout);
    return cheapestMethod(spec, layout, answers, profiles).strategy;
  };
  assert.equal(choose(3, 15).buckets, true);
  const ternary = choose(400, 1);
  assert.equal(ternary.buckets, false);
  assert(ternary.groupSize >= 4);
});

Deno.test("weights of any width have a strategy, with bounded tables", () => {
  for (const largest of [1, 2, 127, 4096, 2 ** 20, 2 ** 31]) {
    const found = [...candidates(largest)];
    assert(found.length > 0);
    for (const { planes, halfRange, groupSize } of found) {
      const base = 2 * halfRange + 1;
      assert((base ** planes - 1) / 2 >= largest);
      assert(groupSize === 1 || (base ** groupSize - 1) / 2 <= 1100);
    }
  }
});

Deno.test("a table computes as many products as it says, and only what is wanted", () => {
  const strategy = { planes: 1, halfRange: 2, groupSize: 3, buckets: false };
  const random = seededIntegers(6);
  for (let turn = 0; turn < 20; turn++) {
    const first = 8;
    const arithmetic = bigIntKernel.open(
      [n, n],
      first + JointTable.registers(strategy),
    );
    const program = new ProductProgram(arithmetic, 0);
    const operands = [3n, 5n, 7n];
    operands.forEach((operand, i) => {
      arithmetic.loadPair(1 + i, 0, operand, 0n);
      const inverse = invertModuloSquare(operand, n);
      arithmetic.loadPair(4 + i, 0, inverse % n, inverse / n);
    });
    const table = new JointTable(strategy, first);
    const wanted = Array.from({ length: turn }, () => random(-62, 62))
      .filter((joint) => joint !== 0);
    wanted.forEach((joint) => table.want(joint));
    const products = table.close();
    let fillers = 0;
    const { multiply } = program;
    program.multiply = (target, left, right) => {
      const before = program.written;
      multiply.call(program, target, left, right);
      fillers += program.written - before - 1;
    };
    table.build(program, [1, 2, 3], [4, 5, 6]);
    program.flush();
    assert.equal(program.written - fillers, products);
    assert(products <= 62 + 6);
    for (const joint of wanted) {
      let rest = Math.abs(joint), expected = 1n;
      for (const operand of operands) {
        const digit = (rest + 2) % 5 - 2;
        expected = expected * power(operand, digit) % square;
        rest = (rest - digit) / 5;
      }
      const [a, b] = arithmetic.storePair(table.register(joint), 0);
      assert.equal(a + b * n, expected, `${joint}`);
    }
  }
});

Deno.test("a product tree multiplies and inverts any number of registers", () => {
  for (const kernel of [bigIntKernel, selectKernel()]) {
    for (const count of [1, 2, 3, 4, 5, 7, 8, 31]) {
      const arithmetic = kernel.open([n, n], 3 * count + 1);
      const program = new ProductProgram(arithmetic, 3 * count);
      const leaves = Array.from({ length: count }, (_, i) => i);
      const values = leaves.map((i) => BigInt(3 + 2 * i) ** 97n % square);
      values.forEach((value, i) =>
        arithmetic.loadPair(i, 0, value % n, value / n)
      );
      for (const targets of [leaves.map((i) => count + i), leaves]) {
        const tree = new ProductTree(program, leaves, 2 * count);
        const product = run(tree.multiply());
        assert.equal(product, values.reduce((a, b) => a * b % square));
        run(tree.invert(invertModuloSquare(product, n), targets));
        program.flush();
        targets.forEach((register, i) => {
          const [a, b] = arithmetic.storePair(register, 0);
          assert.equal((a + b * n) * values[i] % square, 1n);
        });
      }
    }
  }
  assert.throws(() => invertModuloSquare(5n * n, n), RangeError);
});

Deno.test("a method takes about as many products as it was chosen for", () => {
  const models = {
    ternary: tinyModel(41, [90], [
      { kind: "dense", length: 60, weightLimit: 1 },
    ]),
    "9 bits": tinyModel(42, [40], [
      { kind: "dense", length: 30, weightLimit: 200 },
    ]),
    convolution: tinyModel(43, [9, 12, 12], [
      { kind: "convolution", channels: 12, kernel: [3, 3], weightLimit: 3 },
    ]),
  };
  const kernel = selectKernel();
  for (const [name, model] of Object.entries(models)) {
    const [spec] = model.manifest.rounds;
    const profiles = weightProfiles(spec, model.tensors);
    const planned = planRound(spec, { modulusBits: 512, samples: 1 });
    for (const { layout } of [planned[0], planned[planned.length >> 1]]) {
      const answers = answerCiphertexts(layout);
      for (const to of [answers, Math.ceil(answers / 2)]) {
        const method = cheapestMethod(spec, layout, to, profiles);
        const map = linearMap(spec, layout, model.tensors);
        let written = 0;
        const counting: Kernel = {
          ...kernel,
          open(moduli, registers) {
            const arithmetic = kernel.open(moduli, registers);
            const { run } = arithmetic;
            arithmetic.run = (program) => {
              written += program.length / 3;
              run.call(arithmetic, program);
            };
            return arithmetic;
          },
        };
        const ciphertext = bytesFromBigInt(12345n ** 60n % square, 128);
        run(evaluateRound(counting, {
          map,
          plan: { layout, steps: [], writes: "out", shards: 1 },
        }, {
          modulus: n,
          ciphertexts: Array(inputCiphertexts(layout)).fill(ciphertext),
          inputOrders: layout.inputs.map(() => null),
          outputOrder: null,
          range: { from: 0, to },
          method: { ...method, digits: mapDigits(map, method.strategy) },
        }));
        const { multiplications, squarings } = method.products;
        const ratio = (multiplications + squarings) / written;
        assert(ratio > 0.8 && ratio < 1.25, `${name}: ${ratio}`);
      }
    }
  }
});
