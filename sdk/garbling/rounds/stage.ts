/**
 * What a garbled call works through: stages of circuits, and where each lane's operands
 * come from.
 *
 * @module
 */
import type { Circuit } from "../circuit.ts";
import { Labels } from "../labels.ts";

/** Numbers that all elements of a stage lie within. */
export interface Range {
  low: number;
  high: number;
}

/** One circuit in many lanes. Input wires are operand by operand, lowest bit first. */
export interface Part {
  circuit: Circuit;
  lanes: number;
  /** For each operand the element that each lane reads; -1: the public constant 0. */
  operands: readonly Int32Array[];
  /** For each result the element that each lane writes; -1: none. */
  results: readonly Int32Array[];
  /** What the garbler knows in this part; null: nothing. */
  known: Known | null;
}

/** Known bits of a part: of a mask on answers, or of one on plaintexts to come. */
export type Known = AnswerBits | PlaintextPieces;

/** Known bit i of a lane is bit `from[lane]` + i of the mask of `answer[lane]`. */
export interface AnswerBits {
  kind: "answer";
  answer: Int32Array;
  from: Int32Array;
}

/** Lane by lane, the mask of a plaintext that `reader` (of the round) takes. */
export interface PlaintextPieces {
  kind: "plaintext";
  reader: number;
  /** Number of each lane's plaintext. */
  plaintext: Int32Array;
  pieces: readonly Piece[];
}

/** `low` known bits from bit `at` on; then, where there are any, `upper` bits told in the clear. */
export interface Piece {
  at: number;
  low: number;
  upper: number;
}

/** Parts that read the same elements and may be worked through in any order. */
export interface Stage {
  /** Bits that are read of each operand. */
  operandBits: number;
  parts: readonly Part[];
  /** What the results make up; null: the outputs are told in the clear. */
  elements: { count: number; bits: number } | null;
}

/** Input labels of lanes [first, first + lanes) of a part. */
export function gather(
  { operands, circuit }: Part,
  operandBits: number,
  source: Labels,
  { first, lanes }: { first: number; lanes: number },
): Labels {
  const inputs = new Labels(circuit.inputs, lanes);
  const from = source.words, to = inputs.words;
  operands.forEach((elements, operand) => {
    for (let bit = 0; bit < operandBits; bit++) {
      const wire = operand * operandBits + bit;
      for (let lane = 0; lane < lanes; lane++) {
        const element = elements[first + lane];
        if (element < 0) continue;
        const a = source.at(bit, element), b = inputs.at(wire, lane);
        copyLabel(from, a, to, b);
      }
    }
  });
  return inputs;
}

/** A label's four words stand four apart, one in each vector of its lanes. */
function copyLabel(
  from: Uint32Array,
  a: number,
  to: Uint32Array,
  b: number,
): void {
  to[b] = from[a];
  to[b + 4] = from[a + 4];
  to[b + 8] = from[a + 8];
  to[b + 12] = from[a + 12];
}

/** Writes the outputs of lanes from `first` on to the elements that they make up. */
export function scatter(
  { results }: Part,
  outputs: Labels,
  target: Labels,
  first: number,
): void {
  const from = outputs.words, to = target.words, bits = target.wires;
  results.forEach((elements, result) => {
    for (let bit = 0; bit < bits; bit++) {
      const wire = result * bits + bit;
      for (let lane = 0; lane < outputs.lanes; lane++) {
        const element = elements[first + lane];
        if (element < 0) continue;
        const a = outputs.at(wire, lane), b = target.at(bit, element);
        copyLabel(from, a, to, b);
      }
    }
  });
}
