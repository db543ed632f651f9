/**
 * From values to masked plaintexts of a later round: Z = P + mask modulo 2^(used + 64).
 *
 * @module
 */
import { elementCount } from "../../fixed_point/integer_tensor.ts";
import { blockSlots, foldOf } from "../../fixed_point/layout.ts";
import { CipherlayerError } from "../../support/errors.ts";
import type { RoundLayout } from "../../wire/plan.ts";
import { Circuit, type Word } from "../circuit.ts";
import { reshare, type Slot, upperPieces } from "../circuits/shares.ts";
import type { Part, Piece, Range } from "./stage.ts";
import { bitsOf } from "./steps.ts";

/** Bits of a mask above the plaintext: a sum that wraps once in 2^64 is not worth hiding. */
export const surplusBits = 64;

/** One input of a later round, as the round that writes it hands it over. */
export interface Reader {
  /** Number of the later round. */
  round: number;
  /** Which of its inputs. */
  input: number;
  /** Ciphertexts of that round that carry elements of this input. */
  plaintexts: Int32Array;
  slots: number;
  slotBits: number;
  /** Bits of Z and of its mask. */
  bits: number;
  /** What every slot carries beside its value: 2^(valueBits - 1) of signed values, else 0. */
  offset: number;
}

/** Bits of an element within a slot: signed ones in offset form, others without a sign. */
const sharedBits = (range: Range): number =>
  range.low < 0 ? bitsOf(range) : bitsOf(range) - 1;

/**
 * The reader and its part of the last stage.
 *
 * @param place of the reader among those of the round
 * @throws {CipherlayerError} `unsupported` where the reader's slots are narrower than the values
 */
export function sharePart(
  layout: RoundLayout,
  reading: { round: number; input: number; place: number },
  range: Range,
): { reader: Reader; part: Part; operandBits: number } {
  const valueBits = sharedBits(range), { slotBits } = layout;
  if (valueBits > slotBits) {
    throw new CipherlayerError(
      "unsupported",
      `Cannot seal round ${reading.round}: expected slots of at least ${valueBits} bits, got ${slotBits}`,
    );
  }
  const { plaintexts, elements } = layout.kind === "dense"
    ? densePlaintexts(layout, reading.input)
    : spatialPlaintexts(layout, reading.input);
  const slots = blockSlots(layout), circuit = new Circuit();
  const words = Array.from({ length: slots }, () => circuit.word(valueBits));
  const shared: Slot[] = words.map((word) => ({
    value: range.low < 0 ? inOffsetForm(circuit, word) : word,
    slotBits,
  }));
  reshare(circuit, [...shared, { value: [], slotBits: surplusBits }]);
  const part: Part = {
    circuit,
    lanes: plaintexts.length,
    operands: Array.from(
      { length: slots },
      (_, slot) => Int32Array.from(elements, (list) => list[slot]),
    ),
    results: [],
    known: {
      kind: "plaintext",
      reader: reading.place,
      plaintext: Int32Array.from(plaintexts),
      pieces: piecesOf(slots, slotBits, valueBits),
    },
  };
  const reader: Reader = {
    round: reading.round,
    input: reading.input,
    plaintexts: Int32Array.from(plaintexts),
    slots,
    slotBits,
    bits: slots * slotBits + surplusBits,
    offset: range.low < 0 ? 2 ** (valueBits - 1) : 0,
  };
  return { reader, part, operandBits: valueBits };
}

const inOffsetForm = (c: Circuit, word: Word): Word => [
  ...word.slice(0, -1),
  c.not(word[word.length - 1]),
];

/** What the garbler knows, in the circuit's order. */
function piecesOf(slots: number, slotBits: number, valueBits: number): Piece[] {
  const pieces: Piece[] = [];
  const add = (at: number, low: number, bits: number) => {
    const uppers = upperPieces(bits - low);
    pieces.push({ at, low, upper: uppers[0] ?? 0 });
    let next = at + low + (uppers[0] ?? 0);
    for (const upper of uppers.slice(1)) {
      pieces.push({ at: next, low: 0, upper });
      next += upper;
    }
  };
  for (let slot = 0; slot < slots; slot++) {
    add(slot * slotBits, valueBits, slotBits);
  }
  add(slots * slotBits, 0, surplusBits);
  return pieces;
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
