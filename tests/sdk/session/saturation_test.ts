import { equal } from "node:assert/strict";
import { unpackAnswers } from "../../../sdk/fixed_point/packing.ts";
import {
  countClamped,
  countImpossible,
} from "../../../sdk/session/saturation.ts";
import type { DenseLayout } from "../../../sdk/wire/plan.ts";

const modulus = (1n << 127n) - 1n;
const layout: DenseLayout = {
  kind: "dense",
  samples: 1,
  fold: 1,
  inputs: [{ tensor: "input", length: 4 }],
  outputLength: 3,
  slotBits: 8,
  guardBits: 0,
  valuesPerCiphertext: 2,
};

/** What the answers with these slots (value + 128 each) and masks count as. */
function impossible(
  answers: { slots: number[]; mask: bigint }[],
  of: DenseLayout = layout,
): number {
  const plaintexts = answers.map(({ slots, mask }) =>
    slots.reduceRight(
      (sum, slot) => (sum << 8n) + BigInt(slot),
      mask,
    )
  );
  return countImpossible(
    of,
    plaintexts,
    unpackAnswers(of, plaintexts),
    modulus,
  );
}

Deno.test("honest answers count no clamped value, whatever their masks", () => {
  // Used bits: 16 in the first answer, 8 in the second.
  const max = (modulus >> 16n) - 1n;
  equal(
    impossible([{ slots: [1, 255], mask: max }, { slots: [128], mask: 0n }]),
    0,
  );
});

Deno.test("counts a mask that no honest cloud draws", () => {
  equal(
    impossible([
      { slots: [128, 128], mask: modulus >> 16n },
      { slots: [128], mask: 5n },
    ]),
    1,
  );
});

Deno.test("counts the lowest value of a slot, with and without guard bit", () => {
  const zeros = [{ slots: [0, 128], mask: 0n }, { slots: [0], mask: 0n }];
  equal(impossible(zeros), 2);
  const guarded: DenseLayout = {
    ...layout,
    fold: 2,
    inputs: [{ tensor: "input", length: 4 }],
    outputLength: 1,
    guardBits: 1,
    valuesPerCiphertext: 1,
  };
  // The value stands in the second slot, doubled.
  equal(impossible([{ slots: [77, 1], mask: 0n }], guarded), 1);
  equal(impossible([{ slots: [77, 2], mask: 0n }], guarded), 0);
});

const tensor = (...values: number[]) => ({
  shape: [values.length],
  samples: [Float64Array.from(values), Float64Array.from(values)],
});

Deno.test("clamped values count in every sample; a ReLU's zeros do not", () => {
  const step = {
    op: "requantise",
    multiplier: 1,
    shift: 1,
    low: 0,
    high: 7,
  } as const;
  equal(countClamped(step, tensor(-50, 0, 14, 15, 16)), 4);
  equal(countClamped({ ...step, low: -4 }, tensor(-50, -8, 14, 15, 16)), 6);
  equal(countClamped({ op: "relu" }, tensor(-1, 1e9)), 0);
});
