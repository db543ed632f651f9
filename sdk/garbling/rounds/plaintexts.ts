/**
 * From values to masked plaintexts of later rounds: each element becomes a number, its
 * value + a mask, once; plaintexts are sums of such numbers at their slots.
 *
 * Numbers are wider than slots and run into the ones above. That changes nothing: the
 * functions take off the sum of the masks at the same places.
 *
 * @module
 */
import { elementCount } from "../../fixed_point/integer_tensor.ts";
import { blockSlots, foldOf } from "../../fixed_point/layout.ts";
import { CipherlayerError } from "../../support/errors.ts";
import type { RoundLayout } from "../../wire/plan.ts";
import { Circuit, type Word } from "../circuit.ts";
import { reshare } from "../circuits/shares.ts";
import type { Part, Range, Stage } from "./stage.ts";
import { bitsOf } from "./steps.ts";

/** Bits of a mask above its value: a sum that wraps once in 2^64 is not worth hiding. */
export const surplusBits = 64;

/** How a round's elements are handed to later rounds. */
export interface Shares {
  /** Elements of the round's activation, all samples. */
  count: number;
  /** Bits of a value; a mask has a part for each. */
  valueBits: number;
  /** Bits of a number and of its mask. */
  bits: number;
  /** What a value carries: 2^(valueBits - 1) where there are values below 0, else 0. */
  offset: number;
}

/** Where an input stands in a plan. */
export interface InputPlace {
  /** Number of the round that reads it. */
  round: number;
  /** Which of its inputs. */
  input: number;
}

/** One input of a later round. */
export interface Reader extends InputPlace {
  /** Ciphertexts of that round that carry elements of this input. */
  plaintexts: Int32Array;
  /** For each of them, by slot, the element; -1: none. */
  elements: readonly Int32Array[];
  slotBits: number;
}

/** Elements of input number `input` of a later round. */
export function readerOf(
  layout: RoundLayout,
  { round, input }: InputPlace,
): Reader {
  const { plaintexts, elements } = layout.kind === "dense"
    ? densePlaintexts(layout, input)
    : spatialPlaintexts(layout, input);
  return {
    round,
    input,
    plaintexts: Int32Array.from(plaintexts),
    elements: elements.map((list) => Int32Array.from(list)),
    slotBits: layout.slotBits,
  };
}

/**
 * The last stage of a round that others read: it tells each element that is read.
 *
 * @throws {CipherlayerError} `unsupported` where a reader's slots are narrower than the values
 */
export function sharesFor(
  readers: readonly Reader[],
  { count, low, high }: Range & { count: number },
): { shares: Shares; stage: Stage } {
  const isSigned = low < 0, operandBits = bitsOf({ low, high });
  const valueBits = isSigned ? operandBits : operandBits - 1;
  for (const { round, slotBits } of readers) {
    if (valueBits <= slotBits) continue;
    throw new CipherlayerError(
      "unsupported",
      `Cannot seal round ${round}: expected slots of at least ${valueBits} bits, got ${slotBits}`,
    );
  }
  const isRead = new Uint8Array(count);
  for (
    const element of readers.flatMap(({ elements }) => elements).flatMap((
      list,
    ) => [...list])
  ) {
    if (element >= 0) isRead[element] = 1;
  }
  const element = Int32Array.from(
    Array.from(isRead.keys()).filter((i) => isRead[i] === 1),
  );
  const bits = valueBits + surplusBits, circuit = new Circuit();
  const word = circuit.word(operandBits).slice(0, valueBits);
  reshare(circuit, isSigned ? inOffsetForm(circuit, word) : word, bits);
  const part: Part = {
    circuit,
    lanes: element.length,
    operands: [element],
    results: [],
    known: { kind: "shares", element },
  };
  return {
    shares: {
      count,
      valueBits,
      bits,
      offset: isSigned ? 2 ** (valueBits - 1) : 0,
    },
    stage: { operandBits, parts: [part], elements: null },
  };
}

const inOffsetForm = (c: Circuit, word: Word): Word => [
  ...word.slice(0, -1),
  c.not(word[word.length - 1]),
];

/** What a plaintext holds: each element's number from its slot's first bit on. */
export function sumInSlots(
  elements: Int32Array,
  slotBits: number,
  numberOf: (element: number) => bigint,
): bigint {
  const width = BigInt(slotBits);
  return elements.reduceRight(
    (sum, element) => (sum << width) + (element < 0 ? 0n : numberOf(element)),
    0n,
  );
}

interface Plaintexts {
  plaintexts: number[];
  /** For each plaintext and slot the element, samples one after another in the tensor. */
  elements: number[][];
}

function densePlaintexts(
  layout: Extract<RoundLayout, { kind: "dense" }>,
  input: number,
): Plaintexts {
  const { samples } = layout, fold = foldOf(layout);
  const before = layout.inputs.slice(0, input)
    .reduce((sum, { length }) => sum + length, 0);
  const { length } = layout.inputs[input];
  const first = Math.floor(before / fold);
  const end = Math.ceil((before + length) / fold);
  const plaintexts = Array.from({ length: end - first }, (_, i) => first + i);
  const elements = plaintexts.map((plaintext) =>
    Array.from({ length: fold * samples }, (_, slot) => {
      const element = plaintext * fold + Math.floor(slot / samples) - before;
      const sample = slot % samples;
      return element >= 0 && element < length ? sample * length + element : -1;
    })
  );
  return { plaintexts, elements };
}

function spatialPlaintexts(
  layout: Extract<RoundLayout, { kind: "spatial" }>,
  input: number,
): Plaintexts {
  const { samples, grid } = layout;
  const before = layout.inputs.slice(0, input).reduce(
    (sum, { shape, offsets }) => sum + shape[0] * offsets.length,
    0,
  );
  const { shape, offsets, step } = layout.inputs[input];
  const [channels, height, width] = shape, count = elementCount(shape);
  const elements: number[][] = [];
  for (let channel = 0; channel < channels; channel++) {
    for (const [offsetY, offsetX] of offsets) {
      elements.push(
        Array.from({ length: blockSlots(layout) }, (_, slot) => {
          const cell = Math.floor(slot / samples), sample = slot % samples;
          const y = offsetY + step[0] * Math.floor(cell / grid[1]);
          const x = offsetX + step[1] * (cell % grid[1]);
          if (y < 0 || y >= height || x < 0 || x >= width) return -1;
          return sample * count + (channel * height + y) * width + x;
        }),
      );
    }
  }
  return { plaintexts: elements.map((_, i) => before + i), elements };
}
